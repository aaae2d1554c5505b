import { AssertionError } from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { expect, it } from 'vitest';
import { MemoryMessageQueue, type Delivery, type HeldSlots } from '../delivery/index.js';
import { messageQueueSuite } from './message-queue-suite.js';

/** A queue in which `change` breaks one promise. */
function broken(change: (queue: MemoryMessageQueue) => Partial<MemoryMessageQueue>): MemoryMessageQueue {
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

it.each<[string, (queue: MemoryMessageQueue) => Partial<MemoryMessageQueue>, string]>([
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
])('fails a queue that %s', async (_, change, name) => {
  const suite = messageQueueSuite({ create: async () => broken(change), patienceMs: 300 });
  const test = suite.find((each) => each.name === name);
  await expect(test?.run()).rejects.toBeInstanceOf(AssertionError);
});
