import { Injectable } from '@nestjs/common';
import { ConfigurationError, PermanentError } from '../errors.js';
import { ConnectorMetrics } from '../metrics/index.js';
import { SpanKind, inSpan, markFailed } from '../tracing/index.js';
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

/** Ends that are no failure of the call: the next step is decided from them. */
const EXPECTED: ReadonlySet<CallOutcome> = new Set(['ok', 'conflict', 'aborted']);

/** Measures every HTTP call to an upstream, token calls included, and tells the trace of it. */
@Injectable()
export class CallMetrics {
  private readonly operations = new Set<string>();
  private readonly lastCalls = new Map<string, LastCall>();

  constructor(private readonly metrics: ConnectorMetrics) {}

  /**
   * Runs one call.
   *
   * @param operation what is asked for, e.g. the name of a GraphQL operation
   * @param call says how it ended, once, before it resolves or throws
   */
  async measure<T>(
    target: string,
    operation: string,
    call: (ended: (outcome: CallOutcome) => void) => Promise<T>,
  ): Promise<T> {
    const startedAt = performance.now();
    // The trace is not continued there: `traceparent` would tell strangers of it, and neither upstream reads it.
    const attributes = { 'fluent_connector.target': target, 'fluent_connector.operation': operation };
    return inSpan(
      `${operation} ${target.split(':', 1)[0]}`,
      { kind: SpanKind.CLIENT, attributes, isFailure: () => false },
      (span) =>
        call((outcome) => {
          this.observe(target, operation, outcome, startedAt);
          span.setAttribute('fluent_connector.outcome', outcome);
          if (!EXPECTED.has(outcome)) markFailed(span, outcome);
        }),
    );
  }

  private observe(target: string, operation: string, outcome: CallOutcome, startedAt: number): void {
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
