/** The share of the last run in the average duration. */
const WEIGHT = 0.2;
const FIRST_ESTIMATE_MS = 1000;
/** Those that found no slot come again within this time, however many they are. */
const MAX_RETRY_MS = 30_000;

/** A slot that was free, or when to try again. */
export type SlotAnswer =
  | { readonly release: () => void }
  /** Milliseconds. */
  | { readonly retryInMs: number };

/**
 * At most so many runs of one handler at once in this process. A run without a slot does not wait here, where
 * it would keep other handlers from running: it comes again at the pace at which the handler works.
 */
export class HandlerSlots {
  private running = 0;
  private averageMs = FIRST_ESTIMATE_MS;
  /** When the last of those that found no slot comes again. */
  private lastDueAt = 0;

  constructor(private readonly max: number) {}

  /** @returns a slot, whose `release` must be called once, or when to try again. */
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

  /** Thousands that wait do not ask all the time. */
  private nextTurnMs(): number {
    const now = performance.now();
    const pace = this.averageMs / this.max;
    this.lastDueAt = Math.min(Math.max(now, this.lastDueAt) + pace, now + MAX_RETRY_MS);
    return Math.ceil(this.lastDueAt - now) + 1;
  }
}
