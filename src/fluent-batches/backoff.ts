import { setTimeout as delay } from 'node:timers/promises';
import { TransientError } from '../errors.js';

/** Pauses that grow, and a limit on the whole time. */
export interface BackoffOptions {
  /** The first pause, in milliseconds. */
  readonly baseDelayMs: number;
  /** The longest pause, in milliseconds. */
  readonly maxDelayMs: number;
  /** The whole time, in milliseconds. */
  readonly giveUpAfterMs: number;
}

const GROWTH = 1.6;

/** Pauses of one polling or retrying caller. Each is a little longer; a random part keeps callers apart. */
export class Backoff {
  private readonly startedAt = performance.now();
  private nextMs: number;

  constructor(
    private readonly options: BackoffOptions,
    private readonly signal: AbortSignal,
  ) {
    this.nextMs = options.baseDelayMs;
  }

  /**
   * Waits for the next pause, at least `atLeastMs`, unless the whole time would expire first.
   *
   * @returns whether the time has expired; then it has not waited.
   * @throws the signal's reason
   */
  async waitOrExpire(atLeastMs = 0): Promise<boolean> {
    const pauseMs = Math.max(this.nextMs * (0.75 + 0.5 * Math.random()), atLeastMs);
    if (performance.now() - this.startedAt + pauseMs > this.options.giveUpAfterMs) return true;
    this.nextMs = Math.min(this.nextMs * GROWTH, this.options.maxDelayMs);
    try {
      await delay(pauseMs, undefined, { signal: this.signal });
    } catch (error) {
      // The timer's own error would hide the signal's reason.
      this.signal.throwIfAborted();
      throw error;
    }
    return false;
  }
}

/**
 * Repeats `work` while it fails with a TransientError. A Retry-After of the error prolongs the pause.
 *
 * @throws the last error when the time has expired, any other error at once, or the signal's reason
 */
export async function retryTransient<T>(
  work: () => Promise<T>,
  options: BackoffOptions,
  signal: AbortSignal,
): Promise<T> {
  const backoff = new Backoff(options, signal);
  for (;;) {
    try {
      return await work();
    } catch (error) {
      if (!(error instanceof TransientError) || (await backoff.waitOrExpire(error.retryAfterMs))) throw error;
    }
  }
}
