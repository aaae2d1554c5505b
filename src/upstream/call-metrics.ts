import { Injectable } from '@nestjs/common';
import { ConfigurationError, PermanentError } from '../errors.js';
import { ConnectorMetrics } from '../metrics/index.js';
import { OutageError } from './outage-error.js';

/** How a call ended, as the label of the metric. */
export type CallOutcome =
  'ok' | 'conflict' | 'outage' | 'transient' | 'permanent' | 'configuration' | 'unauthorized' | 'aborted';

/** How the last call to a target ended, for health details. */
export interface LastCall {
  readonly outcome: CallOutcome;
  readonly at: Date;
}

/** Partners name their own operations; a generated name per call must not grow the metric without end. */
const MAX_OPERATIONS = 50;

/** Measures every HTTP call to an upstream, token calls included. */
@Injectable()
export class CallMetrics {
  private readonly operations = new Set<string>();
  private readonly lastCalls = new Map<string, LastCall>();

  constructor(private readonly metrics: ConnectorMetrics) {}

  /** @param startedAt from `performance.now()` */
  observe(target: string, operation: string, outcome: CallOutcome, startedAt: number): void {
    // A call that its caller gave up says nothing about the target.
    if (outcome !== 'aborted') this.lastCalls.set(target, { outcome, at: new Date() });
    if (!this.operations.has(operation) && this.operations.size < MAX_OPERATIONS) {
      this.operations.add(operation);
    }
    this.metrics.upstreamRequests.observe(
      { target, operation: this.operations.has(operation) ? operation : 'other', outcome },
      (performance.now() - startedAt) / 1000,
    );
  }

  /** @returns undefined while this process has not called the target. */
  lastCall(target: string): LastCall | undefined {
    return this.lastCalls.get(target);
  }
}

/** @returns the outcome that a classified error stands for. */
export function outcomeOf(error: Error): CallOutcome {
  if (error instanceof OutageError) return 'outage';
  if (error instanceof PermanentError) return 'permanent';
  if (error instanceof ConfigurationError) return 'configuration';
  return 'code' in error && error.code === 'ConcurrentModification' ? 'conflict' : 'transient';
}
