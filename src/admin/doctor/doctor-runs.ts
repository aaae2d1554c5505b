import { once } from 'node:events';
import { Injectable } from '@nestjs/common';
import { ModuleRef } from '@nestjs/core';
import { ConnectorConfig } from '../../config/index.js';
import { runChecks, type Check, type CheckFinding } from '../../doctor/index.js';
import { Problem } from '../../http/index.js';
import type { DoctorView } from './doctor-schemas.js';

/** The command line waits longer. */
const RUN_TIMEOUT_MS = 60_000;
const RETRY_AFTER_SECONDS = 5;

/** Runs checks in this replica: one run at a time, because each calls both systems, and for a minute at most. */
@Injectable()
export class DoctorRuns {
  private isRunning = false;

  constructor(
    private readonly services: ModuleRef,
    private readonly config: ConnectorConfig,
  ) {}

  /** @throws Problem 429 while another run is not over. */
  async run(checks: readonly Check[]): Promise<DoctorView> {
    if (this.isRunning) {
      throw new Problem(429, {
        detail: 'this replica is running its checks already; try again when they have ended',
        headers: { 'retry-after': String(RETRY_AFTER_SECONDS) },
      });
    }
    this.isRunning = true;
    try {
      const findings = await this.findingsOf(checks, AbortSignal.timeout(RUN_TIMEOUT_MS));
      return { ok: !findings.some(({ status }) => status === 'fail'), findings };
    } finally {
      this.isRunning = false;
    }
  }

  /** A check of an override may ignore the signal, so the run does not wait for it. */
  private async findingsOf(checks: readonly Check[], signal: AbortSignal): Promise<DoctorView['findings']> {
    const findings: DoctorView['findings'] = [];
    const { services, config } = this;
    const run = runChecks(checks, { services, config, signal });
    const expired = once(signal, 'abort').then(() => undefined);
    for (;;) {
      const next = await Promise.race([nextOf(run), expired]);
      if (next === undefined) return signal.aborted ? [...findings, unfinished(checks, findings)] : findings;
      findings.push(next);
    }
  }
}

async function nextOf(run: AsyncGenerator<CheckFinding>): Promise<CheckFinding | undefined> {
  const { done, value } = await run.next();
  return done === true ? undefined : value;
}

function unfinished(
  checks: readonly Check[],
  findings: DoctorView['findings'],
): DoctorView['findings'][number] {
  const missing = checks.filter(({ name }) => !findings.some(({ check }) => check === name));
  const names = missing.map(({ name }) => name).join(', ') || 'the last check';
  const message = `${names} did not end within ${RUN_TIMEOUT_MS / 1000} s`;
  return { check: 'doctor', subject: 'doctor', status: 'fail', message, advice: 'run fewer checks at once' };
}
