import { AssertionError } from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import {
  MemoryMessageQueue,
  type Delivery,
  type HeldSlots,
  type MessageQueue,
  type Settlement,
} from '../delivery/index.js';
import type { CircuitOpenError } from '../errors.js';
import { messageQueueSuite } from './message-queue-suite.js';

const FINDS_UNFINISHED =
  'finds what has not ended about an order, and nothing else, or says that it has not looked at everything';

type Change = (queue: MemoryMessageQueue) => Partial<MemoryMessageQueue>;

/** A queue in which `change` breaks one promise. */
function broken(change: Change): MemoryMessageQueue {
  const queue = new MemoryMessageQueue();
  return Object.assign(queue, change(queue));
}

function changedDeliveries(queue: MemoryMessageQueue, change: (delivery: Delivery) => Delivery) {
  const take = queue.take.bind(queue);
  return {
    take: async (max: number, signal: AbortSignal, held?: HeldSlots) =>
      (await take(max, signal, held)).map(change),
  };
}

function changedSettlements(
  queue: MemoryMessageQueue,
  change: (settlement: Settlement, delivery: Delivery) => Settlement,
) {
  const settle = queue.settle.bind(queue);
  return {
    settle: (delivery: Delivery, settlement: Settlement) => settle(delivery, change(settlement, delivery)),
  };
}

/** As if each run belonged to the epoch in which its key is numbered now. */
const ignoringEpochs: Change = (queue) => {
  const [take, settle] = [queue.take.bind(queue), queue.settle.bind(queue)];
  const epochs = new Map<string, string | undefined>();
  return {
    take: async (max, signal, held) => {
      const taken = await take(max, signal, held);
      for (const { id, ticket } of taken) epochs.set(id, ticket.epoch);
      return taken;
    },
    settle: (delivery, settlement) =>
      settle({ ...delivery, ticket: { ...delivery.ticket, epoch: epochs.get(delivery.id) } }, settlement),
  };
};

/** Workers of one store, of which each can take over what another one has taken. */
class Workers {
  private readonly holders = new Map<string, MessageQueue>();
  private readonly deaths = new Map<string, number>();
  private readonly store = new MemoryMessageQueue();
  private readonly running = new Map<string, Delivery>();

  constructor(private readonly isFenced: boolean) {}

  worker(): MessageQueue {
    const { store, holders } = this;
    const worker: MessageQueue = Object.assign(Object.create(store) as MessageQueue, {
      take: async (max: number, signal: AbortSignal, held?: HeldSlots) => {
        const taken = await store.take(max, signal, held);
        for (const delivery of taken) {
          holders.set(delivery.id, worker);
          this.running.set(delivery.id, delivery);
        }
        return taken.map((delivery) => ({
          ...delivery,
          workerDeaths: this.deaths.get(delivery.id) ?? 0,
        }));
      },
      settle: async (delivery: Delivery, settlement: Settlement) => {
        const isHolder = holders.get(delivery.id) === worker;
        if (this.isFenced && !isHolder) return 'settled';
        this.running.delete(delivery.id);
        return store.settle(delivery, settlement);
      },
    });
    return worker;
  }

  async takeOver(): Promise<MessageQueue> {
    for (const [id, delivery] of this.running) {
      this.deaths.set(id, (this.deaths.get(id) ?? 0) + 1);
      await this.store.settle(delivery, {
        action: 'defer',
        delayMs: 0,
        progress: delivery.progress,
        run: {},
      });
    }
    return this.worker();
  }
}

/** The tests of a suite by their names. */
function byName(suite: ReturnType<typeof messageQueueSuite>, name: string) {
  const test = suite.find((each) => each.name === name);
  if (!test) throw new Error(`the suite has no test "${name}"`);
  return test;
}

it.each<[string, Change, string]>([
  [
    'accepts a notification twice',
    (queue) => {
      const add = queue.add.bind(queue);
      return { add: (sent, options) => add({ ...sent, id: randomUUID() }, options) };
    },
    'accepts an id once per account while it waits',
  ],
  [
    'accepts what it does not store',
    () => ({ add: () => Promise.resolve('accepted') }),
    'delivers the notification unchanged, with the options that it was added with',
  ],
  [
    'forgets what a notification was added with',
    (queue) => {
      const add = queue.add.bind(queue);
      return { add: (sent) => add(sent) };
    },
    'delivers the notification unchanged, with the options that it was added with',
  ],
  [
    'numbers every delivery the same',
    (queue) => changedDeliveries(queue, (delivery) => ({ ...delivery, acceptedNumber: 1 })),
    'numbers the notifications and runs of a key in a strictly increasing order',
  ],
  [
    'loses the coverage of finished runs',
    (queue) => changedDeliveries(queue, ({ coverage: _coverage, ...delivery }) => delivery),
    'gives the coverage of a finished run to later notifications',
  ],
  [
    'never ends a delivery',
    () => ({ settle: () => Promise.resolve('settled') }),
    'knows an id while it runs and after it is done',
  ],
  [
    'does not notice that a run was outrun',
    (queue) => {
      const settle = queue.settle.bind(queue);
      return {
        settle: (delivery, settlement) =>
          settle(
            delivery,
            'run' in settlement && settlement.run
              ? { ...settlement, run: { ...settlement.run, changed: false } }
              : settlement,
          ),
      };
    },
    'delivers a run again when it changed something after a later run had finished',
  ],
  [
    'loses dead letters',
    () => ({ deadLetters: () => Promise.resolve([]) }),
    'lists dead letters newest first, page by page, and replays all',
  ],
  [
    'replays nothing',
    () => ({ replay: () => Promise.resolve(true) }),
    'keeps a dead letter with its error until it is replayed',
  ],
  [
    'does not wake what waits for a target',
    () => ({ wake: () => Promise.resolve() }),
    'delivers what waits for a target as soon as it is woken, and nothing else',
  ],
  [
    'delivers the notifications of paused accounts',
    (queue) => ({ pause: (_account, pause) => Promise.resolve(pause), pauses: () => queue.pauses() }),
    'delivers nothing of a paused account, and everything after it is resumed',
  ],
  [
    'does not look at the slots that are held',
    (queue) => {
      const take = queue.take.bind(queue);
      return { take: (max, signal) => take(max, signal) };
    },
    'gives the next slot to the account that holds the fewest',
  ],
  [
    'finds no unfinished notification and says that it has looked at everything',
    () => ({ findUnfinished: () => Promise.resolve({ found: [], isComplete: true }) }),
    FINDS_UNFINISHED,
  ],
  [
    'finds unfinished notifications of another account, too',
    (queue) => {
      const find = queue.findUnfinished.bind(queue);
      return {
        findUnfinished: async (search) => {
          const [ours, others] = [await find(search), await find({ ...search, accountId: 'OTHER' })];
          return { ...ours, found: [...ours.found, ...others.found] };
        },
      };
    },
    FINDS_UNFINISHED,
  ],
  [
    'forgets the epoch of a key',
    (queue) =>
      changedDeliveries(queue, ({ ticket: { number }, ...delivery }) => ({
        ...delivery,
        ticket: { number },
      })),
    'names the epoch in which it numbers a key, the same one as long as it knows the key',
  ],
  ...[
    'records no coverage of a run of an earlier epoch of its key, and delivers it again, when it changed something',
    'records no coverage of a run of an earlier epoch of its key, and delivers it again, when it changed nothing',
    'records no coverage of an earlier epoch of the key, also when nothing ran',
  ].map((name): [string, Change, string] => ['ignores the epoch', ignoringEpochs, name]),
  [
    'loses ranUntil when the delivery waits again',
    (queue) => {
      const seen = new Set<number | undefined>([undefined]);
      return changedDeliveries(queue, (delivery) => {
        const { ranUntil } = delivery;
        if (seen.has(ranUntil)) return { ...delivery, ranUntil: undefined };
        seen.add(ranUntil);
        return delivery;
      });
    },
    'keeps until when a run may have written while the delivery waits once more',
  ],
  ...(['recheck', 'retry', 'defer'] as const).map((action): [string, Change, string] => [
    `does not count a change that a ${action} reports`,
    (queue) =>
      changedSettlements(queue, (settlement) =>
        settlement.action === action ? { ...settlement, run: {} } : settlement,
      ),
    `counts the change of a run that ends with ${action} when it looks for outrun runs`,
  ]),
  ...(['retry', 'recheck', 'defer'] as const).map((action): [string, Change, string] => [
    `delivers the ${action} of a paused account`,
    (queue) => {
      const [take, settle] = [queue.take.bind(queue), queue.settle.bind(queue)];
      const due: Delivery[] = [];
      return {
        settle: async (delivery, settlement) => {
          if (settlement.action !== action) return settle(delivery, settlement);
          due.push(delivery);
          return 'settled';
        },
        take: async (max, signal, held) => (due.length > 0 ? due.splice(0, max) : take(max, signal, held)),
      };
    },
    'holds back what is retried, rechecked, deferred, woken or replayed while its account is paused',
  ]),
  ...(['defer', 'retry'] as const).flatMap((action) =>
    ['when it was woken', 'with its delay'].map((ended): [string, Change, string] => [
      `remembers the target of an earlier wait that ended ${ended} for a ${action}`,
      (queue) => {
        const parked = new Map<string, CircuitOpenError>();
        return changedSettlements(queue, (settlement, { id }) => {
          if (settlement.action === 'defer' && settlement.error) parked.set(id, settlement.error);
          const error = parked.get(id);
          if (!error || (settlement.action !== 'defer' && settlement.action !== 'retry')) return settlement;
          const { delayMs, progress } = settlement;
          return { action: 'defer', delayMs, progress, error };
        });
      },
      `does not wake a ${action} for the target of an earlier wait, which ended ${ended}`,
    ]),
  ),
])('refuses a queue that %s', async (_, change, name) => {
  const suite = messageQueueSuite({ create: async () => broken(change), patienceMs: 300 });
  await expect(byName(suite, name).run()).rejects.toBeInstanceOf(AssertionError);
});

it('accepts a queue that cannot search, and says so', async () => {
  const cannotSearch: Change = () => ({
    findUnfinished: () => Promise.resolve({ found: [], isComplete: false }),
  });
  const suite = messageQueueSuite({ create: async () => broken(cannotSearch) });
  await expect(byName(suite, FINDS_UNFINISHED).run()).resolves.toBeUndefined();
});

describe('with a second worker', () => {
  const suiteOf = (isFenced: boolean) => {
    let workers = new Workers(isFenced);
    return messageQueueSuite({
      create: async () => (workers = new Workers(isFenced)).worker(),
      takeOver: () => workers.takeOver(),
      patienceMs: 300,
    });
  };
  const TAKE_OVER = 'gives the delivery of a worker that died to another worker, and tells it so';
  const LATE = 'changes nothing when a worker settles a delivery that another worker has taken over';

  it.each([TAKE_OVER, LATE])('accepts a queue that %s', async (name) => {
    await expect(byName(suiteOf(true), name).run()).resolves.toBeUndefined();
  });

  it('refuses a queue that lets a worker settle what another one has taken over', async () => {
    await expect(byName(suiteOf(false), LATE).run()).rejects.toThrow(
      'counts() after the first worker settles late with "done", while the other runs it: expected',
    );
  });

  it('leaves the take-over out for a queue that has only one worker', () => {
    const names = messageQueueSuite({ create: async () => new MemoryMessageQueue() }).map(({ name }) => name);
    expect(names).not.toContain(TAKE_OVER);
    expect(suiteOf(true).length - names.length).toBe(2);
  });
});

it('says what the queue did, what the contract asks for, and where it is documented', async () => {
  const run = (change: Change) =>
    byName(
      messageQueueSuite({ create: async () => broken(change) }),
      'accepts an id once per account while it waits',
    ).run();
  const error = await run(() => ({ add: () => Promise.resolve('accepted') })).catch((each: unknown) => each);
  expect(error).toBeInstanceOf(AssertionError);
  const { message, actual, expected } = error as AssertionError;
  expect([actual, expected]).toEqual(['accepted', 'duplicate']);
  expect(message).toBe(`add() of an id that waits: expected 'duplicate', found 'accepted'.
The contract: the queue accepts an id once per account while it waits.
It is documented at MessageQueue.add (in the declarations and their editor tips), and explained in
docs/extending/how-to.md, "Use another broker".`);
  const failing = () => ({ add: () => Promise.reject(new Error('the table is missing')) });
  await expect(run(failing)).rejects.toThrow(
    /The queue threw where it should not: Error: the table is missing\nThe contract: .*\n.*MessageQueue\.add/,
  );
});

it('points to a section of the guide that exists', () => {
  const guide = readFileSync(new URL('../../docs/extending/how-to.md', import.meta.url), 'utf8');
  expect(guide).toContain('\n## Use another broker\n');
});
