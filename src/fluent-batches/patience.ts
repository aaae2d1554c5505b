import { setTimeout as delay } from 'node:timers/promises';
import { TransientError } from '../errors.js';

/** Pauses that grow, and when to give up. */
export interface Patience {
  /** The first pause, milliseconds. */
  readonly firstMs: number;
  /** Pauses grow up to this, milliseconds. */
  readonly longestMs: number;
  /** How long in all, milliseconds. */
  readonly giveUpAfterMs: number;
}

const GROWTH = 1.6;

/** Waits a little longer each time; a random part keeps several callers apart. */
export class Pauses {
  private readonly startedAt = performance.now();
  private nextMs: number;

  constructor(
    private readonly patience: Patience,
    private readonly signal: AbortSignal,
  ) {
    this.nextMs = patience.firstMs;
  }

  /**
   * Waits for the next pause, at least `atLeastMs`, unless the time would expire first.
   *
   * @returns whether the time has expired; then it has not waited.
   * @throws the signal's reason
   */
  async waitOrExpire(atLeastMs = 0): Promise<boolean> {
    const pauseMs = Math.max(this.nextMs * (0.75 + 0.5 * Math.random()), atLeastMs);
    if (performance.now() - this.startedAt + pauseMs > this.patience.giveUpAfterMs) return true;
    this.nextMs = Math.min(this.nextMs * GROWTH, this.patience.longestMs);
    try {
      await delay(pauseMs, undefined, { signal: this.signal });
    } catch (error) {
      // The timer's own error would hide why everything ends.
      this.signal.throwIfAborted();
      throw error;
    }
    return false;
  }
}

/** Repeats what fails for a reason that time heals, until it succeeds or patience ends. */
export async function retryTransient<T>(
  work: () => Promise<T>,
  patience: Patience,
  signal: AbortSignal,
): Promise<T> {
  const pauses = new Pauses(patience, signal);
  for (;;) {
    try {
      return await work();
    } catch (error) {
      if (!(error instanceof TransientError) || (await pauses.waitOrExpire(error.retryAfterMs))) throw error;
    }
  }
}
