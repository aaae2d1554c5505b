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

/** An operation whose last call was refused, for health details. */
export interface RefusedCall extends LastCall {
  readonly operation: string;
}

/** Outcomes that stay the same until an operator corrects credentials, permissions or configuration. */
const REFUSED: ReadonlySet<CallOutcome> = new Set(['configuration', 'unauthorized']);

/** Partners name their own operations. Generated names must not make the metric grow without limit. */
const MAX_OPERATIONS = 50;

/** Outcomes that are not failures of the call. */
const EXPECTED: ReadonlySet<CallOutcome> = new Set(['ok', 'conflict', 'aborted']);

/** Measures every HTTP call to an upstream, token calls included, and creates its span. */
@Injectable()
export class CallMetrics {
  private readonly operations = new Set<string>();
  private readonly lastCalls = new Map<string, LastCall>();
  private readonly refusedCalls = new Map<string, Map<string, RefusedCall>>();

  constructor(private readonly metrics: ConnectorMetrics) {}

  /**
   * Runs one call.
   *
   * @param operation e.g. the name of a GraphQL operation.
   * @param call must report its outcome once, before it resolves or throws.
   */
  measure<T>(
    target: string,
    operation: string,
    call: (ended: (outcome: CallOutcome) => void) => Promise<T>,
  ): Promise<T> {
    const startedAt = performance.now();
    // The call does not send `traceparent`: it would expose the trace, and neither upstream reads it.
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
    // A call that its caller aborted says nothing about the target.
    if (outcome !== 'aborted') this.lastCalls.set(target, { outcome, at: new Date() });
    if (!this.operations.has(operation) && this.operations.size < MAX_OPERATIONS) {
      this.operations.add(operation);
    }
    const label = this.operations.has(operation) ? operation : 'other';
    this.noteRefusal(target, label, outcome);
    this.metrics.upstreamRequests.observe(
      { target, operation: label, outcome },
      (performance.now() - startedAt) / 1000,
    );
  }

  private noteRefusal(target: string, operation: string, outcome: CallOutcome): void {
    if (outcome === 'aborted') return;
    const refused = this.refusedCalls.get(target);
    if (!REFUSED.has(outcome)) {
      refused?.delete(operation);
      return;
    }
    const call = { operation, outcome, at: new Date() };
    if (refused) refused.set(operation, call);
    else this.refusedCalls.set(target, new Map([[operation, call]]));
  }

  /** @returns the operations of the target whose last call was refused, also when other operations succeed meanwhile. */
  refused(target: string): readonly RefusedCall[] {
    return [...(this.refusedCalls.get(target)?.values() ?? [])];
  }

  /** @returns the last call to the target, or undefined before the first one. */
  lastCall(target: string): LastCall | undefined {
    return this.lastCalls.get(target);
  }
}

/** @returns the outcome for a classified error. */
export function outcomeOf(error: Error): CallOutcome {
  if (error instanceof OutageError) return 'outage';
  if (error instanceof PermanentError) return error.lacksPermission ? 'configuration' : 'permanent';
  if (error instanceof ConfigurationError) return 'configuration';
  return 'code' in error && error.code === 'ConcurrentModification' ? 'conflict' : 'transient';
}
