import { hash } from 'node:crypto';
import type { FluentNotification } from '../../notification/index.js';
import type { TraceCarrier } from '../../tracing/index.js';
import type { NotificationOutcome } from '../message-queue.js';
import { NO_FAILURES, type FailureHistory } from '../retry-schedule.js';

/** How one run ended, from acceptance until then. */
export interface Look {
  readonly outcome: NotificationOutcome;
  readonly lagMs: number;
}

/** What Redis keeps of a notification. */
export interface NotificationJobData {
  /** Position among the notifications and runs of its coalesce key: strictly increasing, close to the time in µs. */
  readonly number: number;
  readonly coalesceKey?: string;
  readonly announces?: string;
  /** Where the webhook's trace stood when the notification was added; every run continues there. */
  readonly trace?: TraceCarrier;
  readonly notification: FluentNotification;
  readonly history?: FailureHistory;
  readonly error?: { name: string; message: string };
  /** How the run before the second look ended. */
  readonly firstLook?: Look;
  /** Deaths of workers that were answered with a back-off already. */
  readonly stallsSeen?: number;
}

/**
 * The id under which Bull keeps a notification. Notification ids are free text from outside, and Bull
 * builds key names from job ids: a hash cannot collide with Bull's own keys, and has one length.
 */
export function jobIdOf({ accountId, id }: FluentNotification): string {
  return hash('sha256', JSON.stringify([accountId, id]), 'base64url').slice(0, 24);
}

export function acceptedAtMs(data: NotificationJobData): number {
  return Math.floor(data.number / 1000);
}

/** Since acceptance; Redis' clock may be ahead of ours. */
export function lagMsOf(data: NotificationJobData): number {
  return Math.max(Date.now() - acceptedAtMs(data), 0);
}

export function historyOf(data: NotificationJobData): FailureHistory {
  return data.history ?? NO_FAILURES;
}
