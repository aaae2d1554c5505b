import type { RetryConfig } from '../config/index.js';
import { CircuitOpenError, ConnectorError, PermanentError, TransientError } from '../errors.js';

/** An error as it is kept with a notification. */
export interface DescribedError {
  readonly name: string;
  readonly message: string;
  /** True when the upstream refused the caller. */
  readonly lacksPermission?: boolean;
}

/** The failures of a notification, kept across runs and processes. */
export interface FailureHistory {
  /** Failed runs. Runs that an open circuit deferred do not count. */
  readonly attempts: number;
  /** Milliseconds since the epoch. */
  readonly firstFailedAt?: number;
  /** How often in a row an open circuit deferred it. */
  readonly holds: number;
  /** Since when it waits for an open circuit, in milliseconds since the epoch. */
  readonly heldSince?: number;
  /** Milliseconds for which an outage has held it back before that; this time does not count as retry age. */
  readonly heldMs: number;
  /** Since when it waits after a failure of an upstream, in milliseconds since the epoch: an outage, or its own fault. */
  readonly doubtSince?: number;
  /** How often it failed although the upstream had answered others meanwhile, since a circuit was open last. */
  readonly failedAlone?: number;
  /** The time of the first error that sets its own retry age, less the time deferred until then. */
  readonly ownAgeFrom?: number;
}

export const NO_FAILURES: FailureHistory = { attempts: 0, holds: 0, heldMs: 0 };

/** The next step after a failed run. */
export type RetryDecision =
  | { readonly next: 'retry'; readonly delayMs: number; readonly history: FailureHistory }
  | { readonly next: 'defer'; readonly delayMs: number; readonly history: FailureHistory }
  | { readonly next: 'dead'; readonly history: FailureHistory };

/** Deferred work is spread over at most this time after the circuit may close, so that recovery is quick. */
const MAX_HOLD_SPREAD_MS = 60_000;
/** The upper limit for Retry-After. */
const MAX_RETRY_AFTER_MS = 3_600_000;
/** After so many failures of a notification while others succeeded, the fault is its own, not an outage. */
const FAILURES_ALONE = 3;
const MAX_ERROR_LENGTH = 2000;

/**
 * Decides between retry, deferral and dead letter from the error alone.
 *
 * Only time in which the upstream worked counts as retry age, so that no outage makes a dead letter, however it looks and
 * however long it lasts. The upstream works while it answers others. Time behind an open circuit never counts. A
 * notification that fails alone, again and again, is an outage no longer.
 *
 * Full jitter (a uniform delay between 0 and the exponential ceiling) spreads the retries of an outage
 * evenly. A fixed back-off would send them in waves.
 *
 * @param now milliseconds since the epoch.
 * @param random gives a number in [0, 1).
 */
export function decideRetry(
  error: unknown,
  before: FailureHistory,
  config: RetryConfig,
  now: number,
  random: () => number,
): RetryDecision {
  const history = endWait(before, error, now);
  const firstFailedAt = history.firstFailedAt ?? now;
  if (error instanceof CircuitOpenError) {
    const spread = Math.min(ceilingMs(config, history.holds + 1), MAX_HOLD_SPREAD_MS);
    const delayMs = Math.ceil((error.retryAfterMs ?? 0) + random() * spread) + 1;
    return {
      next: 'defer',
      delayMs,
      history: { ...history, firstFailedAt, holds: history.holds + 1, heldSince: now },
    };
  }
  const transient = error instanceof TransientError ? error : undefined;
  const ownAgeSeconds = transient?.maxAgeSeconds;
  const unheld = now - history.heldMs;
  // The wait for an order counts from when it was first missing, not from an outage hours before.
  const ownAgeFrom = history.ownAgeFrom ?? (ownAgeSeconds === undefined ? undefined : unheld);
  const failed = { ...history, firstFailedAt, ownAgeFrom, attempts: history.attempts + 1, holds: 0 };
  if (error instanceof PermanentError) return { next: 'dead', history: failed };

  const ageFrom = ownAgeSeconds === undefined ? firstFailedAt : (ownAgeFrom ?? unheld);
  const remainingMs = ageFrom + (ownAgeSeconds ?? config.maxAgeSeconds) * 1000 - unheld;
  if (remainingMs <= 0) return { next: 'dead', history: failed };
  const jittered = random() * ceilingMs(config, failed.attempts);
  const asked = Math.min(transient?.retryAfterMs ?? 0, MAX_RETRY_AFTER_MS);
  // The last attempt comes when the age is reached, not a long back-off before it.
  const delayMs = Math.ceil(Math.min(Math.max(jittered, asked), remainingMs)) + 1;
  // A probe that failed, or the failure that opened the circuit: what follows is the target's outage.
  if (transient?.circuitIsOpen) return { next: 'retry', delayMs, history: { ...failed, heldSince: now } };
  const isUpstream = transient?.upstreamAnsweredMsAgo !== undefined;
  return { next: 'retry', delayMs, history: isUpstream ? { ...failed, doubtSince: now } : failed };
}

/**
 * A notification that waits because another one of its key failed shares this failure: its retry age starts. Otherwise a
 * key with many notifications would wait once for each of them. The notification's
 * own run then decides whether the wait was for an outage.
 */
export function shareFailure(before: FailureHistory, hasOwnAge: boolean, now: number): FailureHistory {
  const history = endHold(before, now);
  return {
    ...history,
    doubtSince: history.doubtSince ?? now,
    firstFailedAt: history.firstFailedAt ?? now,
    ownAgeFrom: history.ownAgeFrom ?? (hasOwnAge ? now - history.heldMs : undefined),
  };
}

/** Decides how much of the wait before an error was an outage. */
function endWait(before: FailureHistory, error: unknown, now: number): FailureHistory {
  const wasHeld = before.heldSince !== undefined;
  const { doubtSince, failedAlone, ...history } = endHold(before, now);
  if (error instanceof CircuitOpenError || wasHeld) {
    return { ...history, heldMs: history.heldMs + outageMs(doubtSince ?? now, now) };
  }
  const answeredMsAgo = error instanceof TransientError ? error.upstreamAnsweredMsAgo : undefined;
  // Another kind of failure says nothing about the upstream before.
  if (doubtSince === undefined || answeredMsAgo === undefined) return { ...history, failedAlone };
  const answeredAt = now - answeredMsAgo;
  const isAlone = answeredAt > doubtSince;
  const times = (failedAlone ?? 0) + (isAlone ? 1 : 0);
  const heldMs = times >= FAILURES_ALONE ? 0 : outageMs(Math.max(answeredAt, doubtSince), now);
  return { ...history, failedAlone: times, heldMs: history.heldMs + heldMs };
}

function outageMs(since: number, now: number): number {
  return Math.max(now - since, 0);
}

/** Counts the actual time, which is longer than planned when workers were busy or down. */
function endHold({ heldSince, ...history }: FailureHistory, now: number): FailureHistory {
  if (heldSince === undefined) return history;
  return { ...history, heldMs: history.heldMs + Math.max(now - heldSince, 0) };
}

function ceilingMs({ baseDelayMs, maxDelayMs }: RetryConfig, attempts: number): number {
  return Math.min(baseDelayMs * 2 ** (attempts - 1), maxDelayMs);
}

/** The error of a failed run as it is stored with the notification: bounded, without its stack. */
export function describeError(error: unknown): DescribedError {
  const name = error instanceof Error ? error.name : 'Error';
  const message = error instanceof Error ? error.message : String(error);
  const code = error instanceof ConnectorError && error.code ? ` [${error.code}]` : '';
  const lacksPermission = error instanceof ConnectorError && error.lacksPermission;
  return {
    name,
    message: (message + code).slice(0, MAX_ERROR_LENGTH),
    ...(lacksPermission && { lacksPermission }),
  };
}
