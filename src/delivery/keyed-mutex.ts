export interface KeyHold {
  /** Whether it waited for another holder. */
  readonly hasWaited: boolean;
  /** Call it once. */
  readonly release: () => void;
}

/**
 * Lets one run hold a key at a time in this process. Concurrent runs of a key would be safe, because one of them gets a
 * version conflict. But after the first run, the others have nothing left to do.
 */
export class KeyedMutex {
  private readonly keys = new Map<string, { next?: () => void }>();

  /** @returns the hold on the key, or undefined when it is held. */
  tryAcquire(key: string): KeyHold | undefined {
    if (this.keys.has(key)) return undefined;
    this.keys.set(key, {});
    return { hasWaited: false, release: () => this.release(key) };
  }

  /**
   * @returns the hold on the key, or undefined when the key was not released within `maxWaitMs` or another run already
   * waits for it. One waiter is enough, because its run covers all later notifications.
   */
  async acquire(key: string, maxWaitMs: number): Promise<KeyHold | undefined> {
    const holder = this.keys.get(key);
    if (!holder) return this.tryAcquire(key);
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
