/** When a lane delivers what it has gathered. */
export interface GatheringLimits {
  /** With fewer deliveries than this under way, nothing waits for company. */
  readonly maxInFlight: number;
  /** The most items of one delivery, at least one. Only the last deliveries that may begin hold so many. */
  readonly maxSize: () => number;
  /** Nothing waits longer than this for a delivery to end, in ms. Without it, everything does. */
  readonly maxWaitMs?: number;
}

/**
 * Gathers items that are delivered together. An item leaves at the end of the turn of the event loop in which it came, with
 * the others of that turn. It waits only while as many deliveries as allowed are under way, and then leaves with all that
 * came meanwhile. A lone item is therefore never held back. The more deliveries are under way, the more items the next one may
 * hold: with little to do, an item shares its delivery with few others, and with much to do, few deliveries serve all.
 */
export class GatheringLane<T> {
  private readonly waiting: T[] = [];
  private inFlight = 0;
  private isScheduled = false;
  private timer?: NodeJS.Timeout;

  /** @param deliver must not reject: it tells each item's owner how it ended. */
  constructor(
    private readonly deliver: (items: readonly T[]) => Promise<void>,
    private readonly limits: GatheringLimits,
  ) {}

  add(item: T): void {
    this.waiting.push(item);
    this.schedule();
  }

  /** @returns whether the item was still waiting. */
  remove(item: T): boolean {
    const index = this.waiting.indexOf(item);
    if (index >= 0) this.waiting.splice(index, 1);
    return index >= 0;
  }

  private schedule(): void {
    const { maxInFlight, maxWaitMs } = this.limits;
    if (this.waiting.length === 0 || this.isScheduled) return;
    if (this.inFlight < maxInFlight) {
      this.isScheduled = true;
      setImmediate(() => {
        this.isScheduled = false;
        this.flush(false);
      });
    } else if (maxWaitMs !== undefined) {
      this.timer ??= setTimeout(() => this.flush(true), maxWaitMs);
    }
  }

  /** @param isOverdue deliveries that take long must not hold up what waits. */
  private flush(isOverdue: boolean): void {
    clearTimeout(this.timer);
    this.timer = undefined;
    const { maxInFlight, maxSize } = this.limits;
    const mayStart = (): boolean => isOverdue || this.inFlight < maxInFlight;
    while (this.waiting.length > 0 && mayStart()) {
      const load = Math.min((this.inFlight + 1) / maxInFlight, 1);
      void this.start(this.waiting.splice(0, Math.max(Math.round(maxSize() * load), 1)));
    }
    this.schedule();
  }

  private async start(items: readonly T[]): Promise<void> {
    this.inFlight++;
    try {
      await this.deliver(items);
    } finally {
      this.inFlight--;
      this.schedule();
    }
  }
}
