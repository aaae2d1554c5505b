import { setTimeout as delay } from 'node:timers/promises';
import type { Delivery, HeldSlots, MessageQueue, Settlement } from '../../index.js';
import { expectThat } from './expectations.js';

export const KEY = { coalesceKey: 'order-1' } as const;
export const DONE = { action: 'done', outcome: 'updated', lagMs: 0 } as const;
export const OUTRUN = { firstRun: { outcome: 'updated', lagMs: 5 } } as const;
export const NOTHING_HELD: HeldSlots = {
  byAccount: {},
  background: 0,
  backgroundShare: 0,
  reserves: false,
};

/** Takes from a queue, with a bound. */
export class Bench {
  constructor(
    private readonly queue: MessageQueue,
    readonly patienceMs: number,
    private readonly makeOtherWorker?: (queue: MessageQueue) => Promise<MessageQueue>,
  ) {}

  /** @returns another worker on the same store, which gets what this one has taken. */
  async takeOver(): Promise<{ queue: MessageQueue; bench: Bench }> {
    expectThat('the options of the suite make another worker', this.makeOtherWorker !== undefined);
    const queue = await this.makeOtherWorker(this.queue);
    return { queue, bench: new Bench(queue, this.patienceMs) };
  }

  /** @returns at least one delivery. */
  async take(max: number, held?: HeldSlots): Promise<readonly Delivery[]> {
    const signal = AbortSignal.timeout(this.patienceMs);
    for (;;) {
      const taken = await this.queue.take(max, signal, held);
      expectThat(`take(${max}) gives at most ${max}`, taken.length <= max, ids(taken));
      if (taken.length > 0) return taken;
      expectThat(
        `take() gives a notification that is due within the suite's patienceMs (${this.patienceMs} ms); it gave none`,
        !signal.aborted,
      );
    }
  }

  /** @returns exactly `count` deliveries, in the order in which they came. */
  async takeAll(count: number): Promise<readonly Delivery[]> {
    const taken: Delivery[] = [];
    while (taken.length < count) taken.push(...(await this.take(count - taken.length)));
    return taken;
  }

  async takeOne(): Promise<Delivery> {
    const [delivery] = await this.take(1);
    return delivery!;
  }

  /** Resolves when a condition holds. */
  async until(what: string, condition: () => Promise<boolean>): Promise<void> {
    const giveUpAt = performance.now() + this.patienceMs;
    while (!(await condition())) {
      expectThat(`${what}; not within ${this.patienceMs} ms`, performance.now() < giveUpAt);
      await delay(50);
    }
  }

  async states(): Promise<Record<string, number>> {
    const { waiting, active, delayed, dead: deadLetters } = await this.queue.counts();
    return { waiting, active, delayed, dead: deadLetters };
  }

  async total(): Promise<number> {
    return Object.values(await this.states()).reduce((sum, count) => sum + count, 0);
  }
}

export function retryIn(delayMs: number): Extract<Settlement, { action: 'retry' }> {
  return {
    action: 'retry',
    delayMs,
    progress: {},
    error: new Error('busy'),
    holdKeyMs: delayMs,
    hasOwnAge: true,
  };
}

export function deferFor(delayMs: number): Extract<Settlement, { action: 'defer' }> {
  return { action: 'defer', delayMs, progress: {} };
}

/** The end of a run that succeeded. */
export function endOf({ ticket }: Delivery, changed: boolean): Settlement {
  return { ...DONE, coverage: { number: ticket.number }, run: { changed }, ifOutrun: OUTRUN };
}

export function dead(message: string): Settlement {
  return {
    action: 'dead',
    progress: {
      failures: { attempts: 4, firstFailedAt: 1000, holds: 0, heldMs: 0 },
      error: { name: 'PermanentError', message },
    },
    error: new Error(message),
  };
}

export function ids(deliveries: readonly Delivery[]): string[] {
  return deliveries.map(({ notification: { id } }) => id);
}

export function acceptedMs({ acceptedNumber }: Delivery): number {
  return acceptedNumber / 1000;
}
