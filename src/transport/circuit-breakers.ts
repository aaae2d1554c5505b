import { Injectable, Logger } from '@nestjs/common';
import {
  BrokenCircuitError,
  CircuitBreakerPolicy,
  CircuitState,
  DelegateBackoff,
  circuitBreaker,
  handleWhen,
} from 'cockatiel';
import { CircuitOpenError, TransientError } from '../errors.js';
import { ConnectorMetrics } from '../metrics/index.js';
import { type CallEnd, FailureWindow } from './failure-window.js';
import { OutageError, ServerFaultError } from './outage-error.js';

export type BreakerState = 'closed' | 'open' | 'half-open';

const FIRST_OPEN_MS = 1000;
const LONGEST_OPEN_MS = 30_000;
/** Retry-After may hold a circuit open for longer than our own back-off would. */
const LONGEST_RETRY_AFTER_MS = 300_000;
/** While the one probe is under way; a probe usually ends much earlier than its time-out. */
const PROBE_WAIT_MS = 1000;

/** The caller gave up on a probe: that says nothing about the target, so the circuit stays open. */
class AbandonedProbe extends Error {
  constructor(readonly reason: unknown) {
    super('the probe was abandoned by its caller');
  }
}

interface Breaker {
  readonly policy: CircuitBreakerPolicy;
  readonly window: FailureWindow;
  /** Milliseconds since the epoch. */
  opensUntil: number;
}

/** Options of {@link CircuitBreakers.execute}. */
export interface ExecuteOptions {
  /** The caller's; an aborted call counts neither for nor against the target. */
  readonly signal?: AbortSignal;
  /** What the call is about. {@link ServerFaultError}s open the circuit only over different subjects. */
  readonly subject?: string;
}

/**
 * One circuit breaker per target. An {@link OutageError} counts against a target, and so does a
 * {@link ServerFaultError} at a higher threshold. An answer that refuses one order says that the target works.
 * An open circuit lets nothing through until its time is over, then exactly one call at a time until one
 * succeeds.
 */
@Injectable()
export class CircuitBreakers {
  private readonly logger = new Logger('Upstream');
  private readonly breakers = new Map<string, Breaker>();

  constructor(private readonly metrics: ConnectorMetrics) {}

  /** Makes a target visible before its first call. */
  register(target: string): void {
    if (!this.breakers.has(target)) this.breakers.set(target, this.create(target));
  }

  /**
   * @param target registered before
   * @throws CircuitOpenError without having called `call`
   * @throws what `call` throws; `circuitIsOpen` of a {@link TransientError} tells whether others failed as well
   */
  async execute<T>(
    target: string,
    call: () => Promise<T>,
    { signal, subject = '' }: ExecuteOptions = {},
  ): Promise<T> {
    const breaker = this.breakers.get(target);
    if (!breaker) throw new TypeError(`circuit breaker target ${target} was never registered`);
    const { policy, window } = breaker;
    // The library would let the others wait for the probe, each holding a place in the queue's concurrency.
    if (policy.state === CircuitState.HalfOpen) throw new CircuitOpenError(target, PROBE_WAIT_MS);
    const isProbe = policy.state === CircuitState.Open;
    try {
      const recorded = (): Promise<T> => record(window, subject, call);
      return await policy.execute(isProbe ? () => probe(recorded, signal) : recorded);
    } catch (error) {
      if (error instanceof BrokenCircuitError) {
        throw new CircuitOpenError(target, Math.max(breaker.opensUntil - Date.now(), 1));
      }
      if (error instanceof AbandonedProbe) throw error.reason;
      // The target fails for everybody, so the wait for the next attempt is no retry age of this one.
      if (endOf(error) !== 'ok' && policy.state !== CircuitState.Closed && error instanceof TransientError) {
        error.circuitIsOpen = true;
      }
      throw error;
    }
  }

  /**
   * For work that needs a target only after others: what is done before would be for nothing.
   *
   * @throws CircuitOpenError when a call to the target would not be let through now
   */
  throwIfOpen(target: string): void {
    const breaker = this.breakers.get(target);
    if (breaker?.policy.state === CircuitState.HalfOpen) throw new CircuitOpenError(target, PROBE_WAIT_MS);
    const opensInMs = (breaker?.opensUntil ?? 0) - Date.now();
    if (breaker?.policy.state === CircuitState.Open && opensInMs > 0) {
      throw new CircuitOpenError(target, opensInMs);
    }
  }

  states(): Record<string, BreakerState> {
    return Object.fromEntries([...this.breakers].map(([target, { policy }]) => [target, stateOf(policy)]));
  }

  /** What is held back is not told one by one, so that why and for how long is told here. */
  private create(target: string): Breaker {
    const window = new FailureWindow();
    const breaker: Breaker = {
      opensUntil: 0,
      window,
      policy: circuitBreaker(
        handleWhen((error) => endOf(error) !== 'ok' || error instanceof AbandonedProbe),
        {
          breaker: window,
          halfOpenAfter: new DelegateBackoff(({ attempt, result }) => {
            const error = 'error' in result ? result.error : undefined;
            const durationMs = openMs(attempt, error);
            breaker.opensUntil = Date.now() + durationMs;
            this.logger.warn(
              `circuit of ${target} is open for ${durationMs} ms; its notifications are held back: ` +
                (error?.message ?? ''),
            );
            return durationMs;
          }),
        },
      ),
    };
    const gauge = this.metrics.circuitOpen.labels({ target });
    gauge.set(0);
    breaker.policy.onStateChange((state) => gauge.set(state === CircuitState.Closed ? 0 : 1));
    breaker.policy.onReset(() => this.logger.log(`circuit of ${target} is closed again`));
    return breaker;
  }
}

async function record<T>(window: FailureWindow, subject: string, call: () => Promise<T>): Promise<T> {
  try {
    const result = await call();
    window.record('ok', subject);
    return result;
  } catch (error) {
    // A refusal says that the target works, but it must not hide that all others fail.
    const end = endOf(error);
    if (end !== 'ok') window.record(end, subject);
    throw error;
  }
}

/** @returns how a failed call speaks for or against its target. */
function endOf(error: unknown): CallEnd {
  if (error instanceof OutageError) return 'outage';
  return error instanceof ServerFaultError ? 'fault' : 'ok';
}

async function probe<T>(call: () => Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  try {
    return await call();
  } catch (error) {
    if (signal?.aborted) throw new AbandonedProbe(error);
    throw error;
  }
}

function openMs(attempt: number, error: unknown): number {
  const retryAfterMs = error instanceof OutageError ? (error.retryAfterMs ?? 0) : 0;
  return Math.max(
    Math.min(FIRST_OPEN_MS * 2 ** (attempt - 1), LONGEST_OPEN_MS),
    Math.min(retryAfterMs, LONGEST_RETRY_AFTER_MS),
  );
}

function stateOf(policy: CircuitBreakerPolicy): BreakerState {
  if (policy.state === CircuitState.Closed) return 'closed';
  return policy.state === CircuitState.HalfOpen ? 'half-open' : 'open';
}
