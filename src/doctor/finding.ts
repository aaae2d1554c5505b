import type { ModuleRef } from '@nestjs/core';
import type { ConnectorConfig } from '../config/index.js';

/** `skip`: the check could not run, or does not apply; the message says why. */
export type FindingStatus = 'pass' | 'warn' | 'fail' | 'skip';

/** One result of a check. No field holds a secret. */
export interface Finding {
  /** What was checked, e.g. `Fluent account ACME: orders`. */
  readonly subject: string;
  readonly status: FindingStatus;
  /** What was found. */
  readonly message: string;
  /** What to change; undefined when the message says it, or there is nothing to change. */
  readonly advice?: string;
  /** Further lines, for people. */
  readonly details?: readonly string[];
}

/** What a check works with. */
export interface CheckContext {
  readonly config: ConnectorConfig;
  /** The connector's services, with the overrides of the application. */
  readonly services: Pick<ModuleRef, 'get'>;
  readonly signal: AbortSignal;
  /** The findings of the checks before. */
  readonly earlier: readonly Finding[];
}

/** A check of the configuration, or of a system that the connector uses. */
export interface Check {
  /** For `--only`. */
  readonly name: string;
  /** Never throws for what it checks. */
  readonly run: (context: CheckContext) => AsyncIterable<Finding>;
}

export function pass(subject: string, message: string): Finding {
  return { subject, status: 'pass', message };
}

export function warn(subject: string, message: string, advice?: string): Finding {
  return { subject, status: 'warn', message, ...(advice !== undefined && { advice }) };
}

export function fail(subject: string, message: string, advice?: string): Finding {
  return { subject, status: 'fail', message, ...(advice !== undefined && { advice }) };
}

export function skip(subject: string, message: string): Finding {
  return { subject, status: 'skip', message };
}

/** @returns whether an earlier check has found that something does not work. */
export function hasFailed({ earlier }: CheckContext, subject: string): boolean {
  return earlier.some((finding) => finding.subject === subject && finding.status === 'fail');
}
