import { CircuitOpenError, ConnectorError, PermanentError, TransientError } from '../errors.js';
import type { RetryConfig } from '../config/index.js';

/** What is remembered of a notification that failed before, across runs and processes. */
export interface FailureHistory {
  /** Runs that failed; held-back ones are not counted. */
  readonly attempts: number;
  /** Milliseconds since the epoch. */
  readonly firstFailedAt?: number;
  /** How often in a row an open circuit held it back. */
  readonly holds: number;
  /** How long open circuits held it back in all; this time does not count as retry age. */
  readonly heldMs: number;
  /** When the first error with an age of its own came, less the time held back until then. */
  readonly ownAgeFrom?: number;
}

export const NO_FAILURES: FailureHistory = { attempts: 0, holds: 0, heldMs: 0 };

/** What to do with a notification whose run failed. */
export type RetryDecision =
  | { readonly next: 'retry'; readonly delayMs: number; readonly history: FailureHistory }
  | { readonly next: 'dead'; readonly history: FailureHistory };

/** Held-back work is spread over at most this long after the circuit may close, so that recovery is prompt. */
const MAX_HOLD_SPREAD_MS = 60_000;
/** An upstream's Retry-After beyond this is not believed. */
const MAX_RETRY_AFTER_MS = 3_600_000;

/**
 * Decides between retry and dead letter, from the error's class alone.
 *
 * Full jitter (a uniform delay between 0 and the exponential ceiling) spreads the retries of an outage
 * evenly, where a fixed back-off would send them in waves.
 *
 * @param now milliseconds since the epoch.
 * @param random gives a number in [0, 1).
 */
export function decideRetry(
  error: unknown,
  history: FailureHistory,
  config: RetryConfig,
  now: number,
  random: () => number = Math.random,
): RetryDecision {
  const firstFailedAt = history.firstFailedAt ?? now;
  if (error instanceof CircuitOpenError) {
    const spread = Math.min(ceiling(config, history.holds + 1), MAX_HOLD_SPREAD_MS);
    const delayMs = Math.ceil((error.retryAfterMs ?? 0) + random() * spread) + 1;
    const held = { ...history, firstFailedAt, holds: history.holds + 1, heldMs: history.heldMs + delayMs };
    return { next: 'retry', delayMs, history: held };
  }

  const transient = error instanceof TransientError ? error : undefined;
  const ownAgeSeconds = transient?.maxAgeSeconds;
  const unheld = now - history.heldMs;
  // An order is waited for from when it was missed first, not from an outage hours before.
  const ownAgeFrom = history.ownAgeFrom ?? (ownAgeSeconds === undefined ? undefined : unheld);
  const failed = { ...history, firstFailedAt, ownAgeFrom, attempts: history.attempts + 1, holds: 0 };
  if (error instanceof PermanentError) return { next: 'dead', history: failed };

  const ageFrom = ownAgeSeconds === undefined ? firstFailedAt : (ownAgeFrom ?? unheld);
  const remainingMs = ageFrom + (ownAgeSeconds ?? config.maxAgeSeconds) * 1000 - unheld;
  if (remainingMs <= 0) return { next: 'dead', history: failed };

  const jittered = random() * ceiling(config, failed.attempts);
  const asked = Math.min(transient?.retryAfterMs ?? 0, MAX_RETRY_AFTER_MS);
  // The last try is made when the age is reached, not a long back-off before it.
  const delayMs = Math.ceil(Math.min(Math.max(jittered, asked), remainingMs)) + 1;
  return { next: 'retry', delayMs, history: failed };
}

function ceiling({ baseDelayMs, maxDelayMs }: RetryConfig, attempt: number): number {
  return Math.min(maxDelayMs, baseDelayMs * 2 ** Math.min(attempt - 1, 52));
}

/** The error of a failed run as it is kept with the notification: no stack, bounded. */
export function describeError(error: unknown): { name: string; message: string } {
  const name = error instanceof Error ? error.name : 'Error';
  const message = error instanceof Error ? error.message : String(error);
  const code = error instanceof ConnectorError && error.code ? ` [${error.code}]` : '';
  return { name, message: (message + code).slice(0, 2000) };
}
