/** The weight of the last run in the average duration. */
const WEIGHT = 0.2;
const FIRST_ESTIMATE_MS = 1000;
/** Runs without a slot are retried within this time, however many there are. */
const MAX_RETRY_MS = 30_000;

/** A free slot, or the time until the next try. */
export type SlotAnswer =
  | { readonly release: () => void }
  /** Milliseconds. */
  | { readonly retryInMs: number };

/**
 * Limits the concurrent runs of one handler in this process. A run without a slot does not wait here, where it would
 * block other handlers. The queue delivers it again, at the pace at which the handler works.
 */
export class HandlerSlots {
  private running = 0;
  private averageMs = FIRST_ESTIMATE_MS;
  /** When the last run without a slot is due. */
  private lastDueAt = 0;

  constructor(private readonly max: number) {}

  /** @returns a slot, whose `release` must be called once, or the time until the next try. */
  tryAcquire(): SlotAnswer {
    if (this.running >= this.max) return { retryInMs: this.nextTurnMs() };
    this.running++;
    const startedAt = performance.now();
    return {
      release: () => {
        this.averageMs += WEIGHT * (performance.now() - startedAt - this.averageMs);
        this.running--;
      },
    };
  }

  /** Spreads the retries, so that thousands of waiting runs do not try all the time. */
  private nextTurnMs(): number {
    const now = performance.now();
    const pace = this.averageMs / this.max;
    this.lastDueAt = Math.min(Math.max(now, this.lastDueAt) + pace, now + MAX_RETRY_MS);
    return Math.ceil(this.lastDueAt - now) + 1;
  }
}
