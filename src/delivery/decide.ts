import { hash } from 'node:crypto';
import type { RetryConfig } from '../config/index.js';
import { CircuitOpenError, TransientError } from '../errors.js';
import {
  acceptedAtMs,
  attemptOf,
  type Coverage,
  type Delivery,
  type DeliveryProgress,
  type FirstRun,
  type NotificationOutcome,
  type ProcessResult,
} from './delivery.js';
import { NO_FAILURES, decideRetry, describeError, shareFailure } from './retry-policy.js';

/** The configuration that decisions depend on. */
export interface DeliveryPolicy {
  readonly retry: RetryConfig;
  /** `RECHECK_DELAY` in milliseconds. */
  readonly recheckDelayMs: number;
}

/** What has just happened to a delivery. */
export type DeliveryEvent =
  | { readonly type: 'taken' }
  /**
   * It cannot run now: another run of its key is active, or its handler has no free slot and returned when to try again.
   */
  | { readonly type: 'busy'; readonly retryInMs?: number }
  /** The process shuts down, and the time for running work is over. */
  | { readonly type: 'interrupted' }
  | { readonly type: 'succeeded'; readonly result: ProcessResult }
  | { readonly type: 'failed'; readonly error: unknown };

/** A run that has ended. */
export interface EndedRun {
  /** Whether it reported a change. Undefined when it ended without a result. */
  readonly changed?: boolean;
}

/** The next action for a delivery. All but `run` are settled with the queue. Delays are in milliseconds. */
export type Decision = { readonly action: 'run' } | Settlement;

/**
 * A decision that ends a delivery: the notification is done, is delivered again later, or becomes a dead letter. `background`
 * selects the lane in which it is delivered again.
 */
export type Settlement =
  | {
      readonly action: 'done';
      readonly outcome: NotificationOutcome;
      /** From acceptance until commercetools agreed. */
      readonly lagMs: number;
      readonly details?: ProcessResult['details'];
      /** Recorded for the key: a run of this delivery has finished. */
      readonly coverage?: Coverage;
      readonly run?: EndedRun;
      /** The progress with which the delivery comes again when its run was outrun. */
      readonly ifOutrun?: DeliveryProgress;
      /** How long the id is remembered; `DEDUPE_WINDOW` when undefined. The worker adds what the handler asks for. */
      readonly dedupeWindowSeconds?: number;
    }
  | {
      /** The notification may have overtaken Fluent's write, so it runs once more. */
      readonly action: 'recheck';
      readonly delayMs: number;
      readonly progress: DeliveryProgress;
      readonly coverage?: Coverage;
      readonly run?: EndedRun;
      readonly background?: boolean;
    }
  | {
      readonly action: 'retry';
      readonly delayMs: number;
      readonly progress: DeliveryProgress;
      readonly error: unknown;
      /** How long other notifications of the key also wait. */
      readonly holdKeyMs: number;
      readonly hasOwnAge: boolean;
      readonly run?: EndedRun;
      readonly background?: boolean;
    }
  | {
      /** Nothing has failed; the delivery only waits. */
      readonly action: 'defer';
      readonly delayMs: number;
      readonly progress: DeliveryProgress;
      /** The open circuit that it waits for, if any. */
      readonly error?: CircuitOpenError;
      readonly run?: EndedRun;
      readonly background?: boolean;
    }
  | { readonly action: 'dead'; readonly progress: DeliveryProgress; readonly error: unknown };

/** After this many worker deaths, the notification itself may be the cause, so it backs off. */
const SUSPICIOUS_DEATHS = 3;
/** How long a notification waits for a run of its key, doubled each time. */
const FIRST_WAIT_MS = 50;
const LONGEST_WAIT_MS = 3200;
/** A failing run delays the other notifications of its key by at most this. */
const MAX_HOLD_KEY_MS = 30_000;

/**
 * The delivery policy: superseding, rechecks, retries, deferrals and dead letters. A pure function, so that
 * every rule can be read and tested here, independently of the queue.
 *
 * @param now milliseconds since the epoch by the store's clock.
 * @param random gives a number in [0, 1).
 */
export function decide<TEvent extends DeliveryEvent>(
  delivery: Delivery,
  event: TEvent,
  policy: DeliveryPolicy,
  now: number,
  random?: () => number,
): TEvent extends { type: 'taken' } ? Decision : Settlement;
export function decide(
  delivery: Delivery,
  event: DeliveryEvent,
  policy: DeliveryPolicy,
  now: number,
  random: () => number = Math.random,
): Decision {
  switch (event.type) {
    case 'taken':
      return decideBeforeRun(delivery, policy, now, random);
    case 'busy':
      return decideWhenBusy(delivery, event.retryInMs, random);
    case 'interrupted':
      return { ...deferral(delivery, 0), run: {} };
    case 'succeeded':
      return decideAfterSuccess(delivery, event.result, policy, now);
    case 'failed':
      return decideAfterFailure(delivery, event.error, policy, now, random);
  }
}

function deferral(
  { progress, background }: Delivery,
  delayMs: number,
  changed = progress,
): Extract<Settlement, { action: 'defer' }> {
  return { action: 'defer', delayMs, progress: changed, background };
}

/** Most runs are short, so the first waits are short as well. */
function decideWhenBusy(delivery: Delivery, retryInMs: number | undefined, random: () => number): Settlement {
  if (retryInMs !== undefined) return deferral(delivery, retryInMs);
  const { waits = 0 } = delivery.progress;
  const delayMs = Math.ceil((0.5 + random()) * Math.min(FIRST_WAIT_MS * 2 ** waits, LONGEST_WAIT_MS));
  return deferral(delivery, delayMs, { ...delivery.progress, waits: waits + 1 });
}

function decideBeforeRun(
  delivery: Delivery,
  policy: DeliveryPolicy,
  now: number,
  random: () => number,
): Decision {
  const { coverage, failing, progress, workerDeaths, acceptedNumber, background } = delivery;
  if (coverage && coverage.number > Math.max(acceptedNumber, delivery.ranUntil ?? 0)) {
    const firstRun = progress.firstRun ?? { outcome: 'superseded' as const, lagMs: lagMs(delivery, now) };
    if (isSatisfiedBy(coverage, delivery, policy)) return { action: 'done', ...firstRun };
    // A recheck comes after its delay. A notification that is only covered must still wait for it.
    if (!progress.firstRun) {
      const delayMs = untilRecheckMs(delivery, policy);
      if (delayMs > 0) return { action: 'recheck', delayMs, progress: { ...progress, firstRun }, background };
    }
  }
  if (failing && failing.notBeforeMs > now) {
    const failures = shareFailure(progress.failures ?? NO_FAILURES, failing.hasOwnAge, now);
    const delayMs = failing.notBeforeMs - now + Math.ceil(random() * 1000);
    return deferral(delivery, delayMs, { ...progress, failures });
  }
  if (workerDeaths >= SUSPICIOUS_DEATHS && workerDeaths > (progress.deathsSeen ?? 0)) {
    const error = new TransientError(`${workerDeaths} workers died while they ran this notification`, {
      code: 'Stalled',
    });
    const stalled = { ...delivery, progress: { ...progress, deathsSeen: workerDeaths } };
    return decideAfterFailure(stalled, error, policy, now, random);
  }
  return { action: 'run' };
}

function decideAfterSuccess(
  delivery: Delivery,
  result: ProcessResult,
  policy: DeliveryPolicy,
  now: number,
): Settlement {
  const { progress, ticket, coalesceKey, background } = delivery;
  const { outcome, observedState, supersedesPending = true, recheck = false, details } = result;
  const latest: FirstRun = { outcome, lagMs: lagMs(delivery, now), details };
  const firstRun = latestThatChanged(progress.firstRun, latest);
  const run: Coverage = { number: ticket.number, observedState };
  const coverage = coalesceKey !== undefined && supersedesPending ? run : undefined;
  const ended: EndedRun = { changed: outcome === 'updated' };

  const mayHaveOvertaken = observedState !== undefined && !isSatisfiedBy(run, delivery, policy);
  if (!progress.firstRun && (mayHaveOvertaken || recheck)) {
    const delayMs = recheck ? policy.recheckDelayMs : Math.max(untilRecheckMs(delivery, policy), 1);
    const recheckFrom = recheck ? ticket.number + policy.recheckDelayMs * 1000 : undefined;
    return {
      action: 'recheck',
      delayMs,
      progress: { ...progress, firstRun, recheckFrom },
      coverage,
      run: ended,
      background,
    };
  }
  const ifOutrun = { ...progress, firstRun, recheckFrom: undefined };
  return { action: 'done', ...firstRun, coverage, run: ended, ifOutrun };
}

function decideAfterFailure(
  delivery: Delivery,
  error: unknown,
  { retry }: DeliveryPolicy,
  now: number,
  random: () => number,
): Settlement {
  const { progress } = delivery;
  const decision = decideRetry(error, progress.failures ?? NO_FAILURES, retry, now, random);
  const failed = { ...progress, failures: decision.history, error: describeError(error) };
  if (decision.next === 'dead') return { action: 'dead', progress: failed, error };
  const { delayMs } = decision;
  if (error instanceof CircuitOpenError) return { ...deferral(delivery, delayMs, failed), error, run: {} };
  return {
    action: 'retry',
    delayMs,
    progress: failed,
    error,
    holdKeyMs: Math.min(delayMs, MAX_HOLD_KEY_MS),
    hasOwnAge: error instanceof TransientError && error.maxAgeSeconds !== undefined,
    run: {},
    background: true,
  };
}

/**
 * @returns whether the run covers the delivery, so that it need not run. A run that began at least `RECHECK_DELAY` after
 * the acceptance always does. An earlier run does if it observed the state that the notification announced.
 */
function isSatisfiedBy(
  run: Coverage,
  { acceptedNumber, expectedState, progress }: Delivery,
  { recheckDelayMs }: DeliveryPolicy,
): boolean {
  if (progress.recheckFrom !== undefined) return run.number >= progress.recheckFrom;
  if (expectedState === undefined || run.observedState === expectedState) return true;
  return run.number >= acceptedNumber + recheckDelayMs * 1000;
}

/**
 * The notifications of a burst become due together, so that one run covers them all. Each key has another phase, so that
 * the notifications of different orders do not become due together.
 *
 * @returns milliseconds until a run may recheck; zero or less when it may recheck now.
 */
function untilRecheckMs(delivery: Delivery, { recheckDelayMs }: DeliveryPolicy): number {
  const { acceptedNumber, ticket, coalesceKey = '' } = delivery;
  if (ticket.number >= acceptedNumber + recheckDelayMs * 1000) return 0;
  const phaseMs = hash('sha1', coalesceKey, 'buffer').readUInt32BE(0) % recheckDelayMs;
  const dueMs = Math.ceil((acceptedAtMs(delivery) - phaseMs) / recheckDelayMs + 1) * recheckDelayMs + phaseMs;
  // If the clock ran ahead, numbers may lie in the future. They still order runs, but do not measure time.
  return Math.min(Math.max(dueMs - Math.floor(ticket.number / 1000), 1), 2 * recheckDelayMs);
}

/**
 * A recheck that changed nothing keeps the first run's outcome and lag. If the first run changed nothing either, the
 * recheck's details replace those of the first run, because they are newer.
 */
function latestThatChanged(first: FirstRun | undefined, latest: FirstRun): FirstRun {
  if (!first || latest.outcome === 'updated') return latest;
  return first.outcome === 'updated' ? first : { ...first, details: latest.details ?? first.details };
}

function lagMs(delivery: Delivery, now: number): number {
  return Math.max(now - acceptedAtMs(delivery), 0);
}

/** The report of a settled delivery, for logs and metrics. */
export interface RunReport {
  readonly notification: Delivery['notification'];
  readonly outcome: NotificationOutcome | 'retried' | 'dead';
  readonly attempt: number;
  /** From acceptance until the outcome, in milliseconds. */
  readonly lagMs: number;
  readonly error?: Error;
  /** With `retried`: milliseconds until the next run. */
  readonly delayMs?: number;
  readonly details?: ProcessResult['details'];
}

/**
 * @returns the report of a settlement. Rechecks, and deferrals without an open circuit, are not reported.
 */
export function reportOf(delivery: Delivery, settlement: Settlement, now: number): RunReport | undefined {
  const { notification } = delivery;
  const run = { notification, attempt: attemptOf(delivery) };
  switch (settlement.action) {
    case 'done':
      return { ...run, outcome: settlement.outcome, lagMs: settlement.lagMs, details: settlement.details };
    case 'retry':
      return failure('retried', settlement.error, settlement.delayMs);
    case 'dead':
      return failure('dead', settlement.error);
    case 'defer':
      return settlement.error && failure('retried', settlement.error, settlement.delayMs);
    case 'recheck':
      return undefined;
  }

  function failure(outcome: 'retried' | 'dead', error: unknown, delayMs?: number): RunReport {
    const thrown = error instanceof Error ? error : new Error(String(error));
    return { ...run, outcome, lagMs: lagMs(delivery, now), error: thrown, delayMs };
  }
}
