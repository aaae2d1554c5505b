/**
 * Lets one job of a key run at a time in this process; the others wait outside. Two at once would be safe
 * (one would meet a conflict), but of those that wait only the first has work left to do.
 */
export class JobGate {
  private readonly inside = new Map<string, Promise<void>>();

  /**
   * @returns a function that lets the next one in, or `busy` when nobody came out within `maxWaitMs`.
   */
  async enter(key: string, maxWaitMs: number): Promise<(() => void) | 'busy'> {
    const giveUpAt = performance.now() + maxWaitMs;
    for (let before = this.inside.get(key); before; before = this.inside.get(key)) {
      const remainingMs = giveUpAt - performance.now();
      if (remainingMs <= 0 || !(await cameOut(before, remainingMs))) return 'busy';
    }
    let leave: () => void = () => undefined;
    this.inside.set(key, new Promise((resolve) => (leave = resolve)));
    return () => {
      this.inside.delete(key);
      leave();
    };
  }
}

async function cameOut(before: Promise<void>, withinMs: number): Promise<boolean> {
  let timer: NodeJS.Timeout | undefined;
  const timeUp = new Promise<false>((resolve) => {
    timer = setTimeout(resolve, withinMs, false);
  });
  const out = await Promise.race([before.then(() => true as const), timeUp]);
  clearTimeout(timer);
  return out;
}
