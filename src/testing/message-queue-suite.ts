import type { MessageQueue } from '../index.js';
import { ACCEPTING } from './queue-cases/accepting.js';
import { Bench } from './queue-cases/bench.js';
import { COUNTS } from './queue-cases/counts.js';
import { DEAD_LETTERS } from './queue-cases/dead-letters.js';
import { LANES } from './queue-cases/lanes.js';
import { brokenPromise, type QueueCase } from './queue-cases/queue-case.js';
import { RUNS } from './queue-cases/runs.js';
import { TAKING, TAKING_OVER } from './queue-cases/taking.js';

/** One promise of {@link MessageQueue}: run it with your test framework. */
export interface QueueTestCase {
  /** A sentence. */
  readonly name: string;
  /**
   * Makes a queue, and rejects when it breaks the promise. The error says what the queue did, what the contract
   * asks for, and where it is documented.
   */
  readonly run: () => Promise<void>;
}

/** How {@link messageQueueSuite} makes and removes queues. */
export interface QueueSuiteOptions {
  /** Makes an empty queue. */
  readonly create: () => Promise<MessageQueue>;
  /** Called after each test with the queue that it made. */
  readonly destroy?: (queue: MessageQueue) => Promise<void>;
  /**
   * Makes a second worker on the store of `queue`, and lets it have everything that `queue` has taken and not settled, as
   * if its process had died: for example, end its locks. Needed for every queue that several processes share: without it,
   * the suite leaves out the two tests of a take-over.
   */
  readonly takeOver?: (queue: MessageQueue) => Promise<MessageQueue>;
  /** How long a test waits for what must come, in milliseconds. Default: 10,000. */
  readonly patienceMs?: number;
}

/**
 * What a {@link MessageQueue} must keep, as tests for any framework. An override that passes them can carry
 * the connector's promises.
 *
 * @example
 * for (const { name, run } of messageQueueSuite({ create: () => SqsMessageQueue.connect() })) it(name, run);
 */
export function messageQueueSuite(options: QueueSuiteOptions): readonly QueueTestCase[] {
  const { create, destroy, takeOver, patienceMs = 10_000 } = options;
  const cases = [
    ...ACCEPTING,
    ...TAKING,
    ...(takeOver ? TAKING_OVER : []),
    ...RUNS,
    ...DEAD_LETTERS,
    ...LANES,
    ...COUNTS,
  ];
  return cases.map((queueCase: QueueCase) => ({
    name: queueCase.name,
    run: async () => {
      const queue = await create();
      try {
        await queueCase.check(queue, new Bench(queue, patienceMs, takeOver));
      } catch (error) {
        throw brokenPromise(queueCase, error);
      } finally {
        await destroy?.(queue);
      }
    },
  }));
}
