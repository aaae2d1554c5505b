import { Injectable, Logger } from '@nestjs/common';
import {
  BrokenCircuitError,
  CircuitBreakerPolicy,
  CircuitState,
  DelegateBackoff,
  circuitBreaker,
  handleWhen,
  type IBreaker,
} from 'cockatiel';
import { LRUCache } from 'lru-cache';
import { CircuitOpenError, TransientError } from '../errors.js';
import { ConnectorMetrics } from '../metrics/index.js';
import { OutageError, ServerFaultError } from './outage-error.js';

export type BreakerState = 'closed' | 'open' | 'half-open';

const FIRST_OPEN_MS = 1000;
const LONGEST_OPEN_MS = 30_000;
/** Retry-After may keep a circuit open for longer than the back-off does. */
const LONGEST_RETRY_AFTER_MS = 300_000;
/** How long other calls wait while a probe runs. A probe usually ends long before its time-out. */
const PROBE_WAIT_MS = 1000;

/** The caller gave up on a probe. This says nothing about the target, so the circuit stays open. */
class AbandonedProbe extends Error {
  constructor(readonly reason: unknown) {
    super('the probe was abandoned by its caller');
  }
}

/** Partners name their own operations; of the least recently answered ones it is not known when that was. */
const MAX_OPERATIONS = 100;

interface Circuit {
  readonly policy: CircuitBreakerPolicy;
  readonly window: FailureWindow;
  /** Milliseconds since the epoch. */
  opensUntil: number;
}

/**
 * Reads and writes have a circuit each. A target that answers every read and fails every write must be noticed, and a
 * read must not close the circuit again.
 */
interface Breaker {
  readonly reads: Circuit;
  readonly writes: Circuit;
  /** When each operation was last answered, in milliseconds of the monotonic clock. */
  readonly answeredAt: LRUCache<string, number>;
}

/** Options of {@link CircuitBreakers.execute}. */
export interface ExecuteOptions {
  /** The caller's signal. An aborted call counts neither for nor against the target. */
  readonly signal?: AbortSignal;
  /** What is asked for, e.g. the name of a GraphQL operation. */
  readonly operation?: string;
  /** Whether the call writes. Reads and writes of a target have a circuit each. */
  readonly isWrite?: boolean;
  /** What the call is about. {@link ServerFaultError}s open the circuit only over different subjects. */
  readonly subject?: string;
}

/**
 * One circuit breaker for each target, with one circuit for reads and one for writes. An {@link OutageError} counts against a target, and so does a
 * {@link ServerFaultError}, at a higher threshold. An answer that refuses one order counts as success: the target
 * works. An open circuit rejects every call until its time is over. Then it lets one call through at a time until
 * one succeeds.
 */
@Injectable()
export class CircuitBreakers {
  private readonly logger = new Logger('Upstream');
  private readonly breakers = new Map<string, Breaker>();
  private readonly closeListeners: ((target: string) => void)[] = [];

  constructor(private readonly metrics: ConnectorMetrics) {}

  /** Calls `listener`, which must not throw, with each target whose circuit closes. */
  onClose(listener: (target: string) => void): void {
    this.closeListeners.push(listener);
  }

  /** Shows the target in health and metrics before its first call. */
  register(target: string): void {
    if (!this.breakers.has(target)) this.breakers.set(target, this.create(target));
  }

  /**
   * @param target as it was given to {@link register}.
   * @throws CircuitOpenError when the circuit is open; `call` is then not called.
   * @throws what `call` throws. `circuitIsOpen` of a {@link TransientError} is true when other calls failed as well.
   */
  async execute<T>(
    target: string,
    call: () => Promise<T>,
    { signal, operation = '', isWrite = false, subject = '' }: ExecuteOptions = {},
  ): Promise<T> {
    const breaker = this.breakers.get(target);
    if (!breaker) throw new TypeError(`circuit breaker target ${target} was never registered`);
    const circuit = isWrite ? breaker.writes : breaker.reads;
    const { policy, window } = circuit;
    // The library would make other calls wait for the probe, and each would occupy a place of the queue's concurrency.
    if (policy.state === CircuitState.HalfOpen) throw new CircuitOpenError(target, PROBE_WAIT_MS);
    const isProbe = policy.state === CircuitState.Open;
    try {
      const recorded = (): Promise<T> => record(window, `${operation} ${subject}`, call);
      const answer = await policy.execute(isProbe ? () => probe(recorded, signal) : recorded);
      breaker.answeredAt.set(operation, performance.now());
      return answer;
    } catch (error) {
      if (error instanceof BrokenCircuitError) {
        throw new CircuitOpenError(target, Math.max(circuit.opensUntil - Date.now(), 1));
      }
      if (error instanceof AbandonedProbe) throw error.reason;
      if (error instanceof TransientError) {
        error.upstreamAnsweredMsAgo = performance.now() - (breaker.answeredAt.get(operation) ?? -Infinity);
        // The target fails for all callers, so the wait for the next attempt does not count as this one's retry age.
        if (endOf(error) !== 'ok' && policy.state !== CircuitState.Closed) error.circuitIsOpen = true;
      }
      throw error;
    }
  }

  /**
   * For work that calls the target last: it need not start while the circuit is open.
   *
   * @throws CircuitOpenError when the circuit would reject a read now.
   */
  throwIfOpen(target: string): void {
    const reads = this.breakers.get(target)?.reads;
    if (reads?.policy.state === CircuitState.HalfOpen) throw new CircuitOpenError(target, PROBE_WAIT_MS);
    const opensInMs = (reads?.opensUntil ?? 0) - Date.now();
    if (reads?.policy.state === CircuitState.Open && opensInMs > 0) {
      throw new CircuitOpenError(target, opensInMs);
    }
  }

  /** @returns whether calls are let through without a probe. */
  isClosed(target: string, isWrite: boolean): boolean {
    const breaker = this.breakers.get(target);
    return (isWrite ? breaker?.writes : breaker?.reads)?.policy.state === CircuitState.Closed;
  }

  /** @returns the state of each target: of its reads, or of its writes when only these do not get through. */
  states(): Record<string, BreakerState> {
    return Object.fromEntries([...this.breakers].map(([target, breaker]) => [target, stateOf(breaker)]));
  }

  private create(target: string): Breaker {
    const breaker: Breaker = {
      reads: this.createCircuit(`circuit of ${target}`),
      writes: this.createCircuit(`circuit of ${target} for writes`),
      answeredAt: new LRUCache({ max: MAX_OPERATIONS }),
    };
    const gauge = this.metrics.circuitOpen.labels({ target });
    gauge.set(0);
    for (const { policy } of [breaker.reads, breaker.writes]) {
      policy.onStateChange(() => {
        const isClosed = stateOf(breaker) === 'closed';
        gauge.set(isClosed ? 0 : 1);
        if (isClosed) for (const listener of this.closeListeners) listener(target);
      });
    }
    return breaker;
  }

  /** Deferred notifications are not logged individually; the outage is logged once here. */
  private createCircuit(name: string): Circuit {
    const window = new FailureWindow();
    const circuit: Circuit = {
      opensUntil: 0,
      window,
      policy: circuitBreaker(
        handleWhen((error) => endOf(error) !== 'ok' || error instanceof AbandonedProbe),
        {
          breaker: window,
          halfOpenAfter: new DelegateBackoff(({ attempt, result }) => {
            const error = 'error' in result ? result.error : undefined;
            const durationMs = openMs(attempt, error);
            circuit.opensUntil = Date.now() + durationMs;
            this.logger.warn(
              `${name} is open for ${durationMs} ms; its notifications are deferred: ` +
                (error?.message ?? ''),
            );
            return durationMs;
          }),
        },
      ),
    };
    circuit.policy.onReset(() => this.logger.log(`${name} is closed again`));
    return circuit;
  }
}

async function record<T>(window: FailureWindow, subject: string, call: () => Promise<T>): Promise<T> {
  try {
    const result = await call();
    window.record('ok', subject);
    return result;
  } catch (error) {
    // A refusal shows that the target works, but it must not hide that all other calls fail.
    const end = endOf(error);
    if (end !== 'ok') window.record(end, subject);
    throw error;
  }
}

/** @returns how a failed call counts for or against its target. */
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

function stateOf({ reads, writes }: Breaker): BreakerState {
  const { state } = reads.policy.state === CircuitState.Closed ? writes.policy : reads.policy;
  if (state === CircuitState.Closed) return 'closed';
  return state === CircuitState.HalfOpen ? 'half-open' : 'open';
}

/** How a call ended, as far as the target's health is concerned. */
type CallEnd = 'ok' | 'outage' | 'fault';

interface Sample {
  readonly end: CallEnd;
  readonly subject: string;
}

const WINDOW_SIZE = 20;
/** With fewer calls, retries alone handle the failures. */
const MIN_CALLS = 10;
/** Outages hit every caller, so more than half of the calls is enough. */
const OUTAGE_SHARE = 0.5;
/** Some orders alone may cause server faults, and each of their retries counts again. */
const FAULT_SHARE = 0.8;
const MIN_FAULTY_SUBJECTS = 3;

/**
 * Decides from the last calls to a target whether its circuit opens. The caller records each call before the
 * policy asks, because the policy does not tell a breaker which error it saw.
 */
class FailureWindow implements IBreaker {
  private samples: Sample[] = [];

  /** Required by the interface for serialization, which the connector does not use. */
  state: unknown;

  /** @param subject what the call was about. Calls about the same thing have the same subject. */
  record(end: CallEnd, subject: string): void {
    if (this.samples.length === WINDOW_SIZE) this.samples.shift();
    this.samples.push({ end, subject });
  }

  success(state: CircuitState): void {
    if (state === CircuitState.HalfOpen) this.samples = [];
  }

  failure(state: CircuitState): boolean {
    if (state !== CircuitState.Closed) return true;
    const calls = this.samples.length;
    if (calls < MIN_CALLS) return false;
    const failed = this.samples.filter(({ end }) => end !== 'ok');
    const outages = failed.filter(({ end }) => end === 'outage').length;
    if (outages > OUTAGE_SHARE * calls) return true;
    const subjects = new Set(failed.map(({ subject }) => subject));
    return failed.length > FAULT_SHARE * calls && subjects.size >= MIN_FAULTY_SUBJECTS;
  }
}
