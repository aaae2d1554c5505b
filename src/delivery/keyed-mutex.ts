export interface KeyHold {
  /** Whether another one held the key before. */
  readonly hasWaited: boolean;
  /** To be called once. */
  readonly release: () => void;
}

/**
 * One holder of a key at a time in this process. Two runs of a key at once would be safe, because one of them
 * meets a conflict, but of those that wait only the first has work left to do.
 */
export class KeyedMutex {
  private readonly keys = new Map<string, { next?: () => void }>();

  /**
   * @returns the hold on the key, or undefined when it did not get free within `maxWaitMs` or
   * somebody else waits for it already. One waiter is enough: its run covers what comes behind it.
   */
  async acquire(key: string, maxWaitMs: number): Promise<KeyHold | undefined> {
    const holder = this.keys.get(key);
    if (!holder) {
      this.keys.set(key, {});
      return { hasWaited: false, release: () => this.release(key) };
    }
    if (holder.next) return undefined;
    const isFree = await new Promise<boolean>((resolve) => {
      const timer = setTimeout(() => {
        holder.next = undefined;
        resolve(false);
      }, maxWaitMs);
      holder.next = () => {
        clearTimeout(timer);
        resolve(true);
      };
    });
    return isFree ? { hasWaited: true, release: () => this.release(key) } : undefined;
  }

  private release(key: string): void {
    const holder = this.keys.get(key);
    if (!holder?.next) {
      this.keys.delete(key);
      return;
    }
    const { next } = holder;
    holder.next = undefined;
    next();
  }
}
