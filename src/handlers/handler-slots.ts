import { HandBack } from '../delivery/message-queue.js';

/** A notification that waits longer for its handler gives its place in the queue to other handlers. */
const MAX_WAIT_MS = 1000;
/** Those that were handed back come again within this time, however many they are. */
const MAX_HAND_BACK_MS = 30_000;
/** How much the last run counts in the average. */
const WEIGHT = 0.2;

/** At most so many runs of one handler at once in this process. */
export class HandlerSlots {
  private running = 0;
  private readonly waiting: (() => void)[] = [];
  private averageMs = MAX_WAIT_MS;
  /** When the last of those that were handed back comes again. */
  private lastDueAt = 0;

  constructor(private readonly max: number) {}

  /**
   * @returns a function that gives the slot back; to be called once.
   * @throws HandBack when no slot got free soon. Who is handed back comes again at the pace at which the
   * handler works, so that thousands that wait do not ask all the time.
   */
  async enter(): Promise<() => void> {
    if (this.running < this.max) this.running++;
    else if (this.waiting.length >= this.max || !(await this.gotSlot())) throw this.handBack();
    const startedAt = performance.now();
    return () => {
      this.averageMs += WEIGHT * (performance.now() - startedAt - this.averageMs);
      const next = this.waiting.shift();
      if (next) next();
      else this.running--;
    };
  }

  private async gotSlot(): Promise<boolean> {
    return new Promise((resolve) => {
      const take = (): void => {
        clearTimeout(timer);
        resolve(true);
      };
      const timer = setTimeout(() => {
        this.waiting.splice(this.waiting.indexOf(take), 1);
        resolve(false);
      }, MAX_WAIT_MS);
      this.waiting.push(take);
    });
  }

  private handBack(): HandBack {
    const now = performance.now();
    const pace = this.averageMs / this.max;
    this.lastDueAt = Math.min(Math.max(now, this.lastDueAt) + pace, now + MAX_HAND_BACK_MS);
    return new HandBack(Math.ceil(this.lastDueAt - now) + 1);
  }
}
