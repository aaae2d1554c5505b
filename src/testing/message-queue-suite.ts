import assert from 'node:assert/strict';
import { setTimeout as delay } from 'node:timers/promises';
import { CircuitOpenError } from '../errors.js';
import type { Delivery, HeldSlots, MessageQueue, Settlement } from '../index.js';
import { sampleNotification } from './sample-notification.js';

/** One promise of {@link MessageQueue}: run it with your test framework. */
export interface QueueTestCase {
  /** A sentence. */
  readonly name: string;
  /** Makes a queue, and rejects when it breaks the promise. */
  readonly run: () => Promise<void>;
}

/** How {@link messageQueueSuite} makes and removes queues. */
export interface QueueSuiteOptions {
  /** Makes an empty queue. */
  readonly create: () => Promise<MessageQueue>;
  /** Called after each test with the queue that it made. */
  readonly destroy?: (queue: MessageQueue) => Promise<void>;
  /** How long a test waits for what must come, in milliseconds. Default: 10,000. */
  readonly patienceMs?: number;
}

const KEY = { coalesceKey: 'order-1' } as const;
const DONE = { action: 'done', outcome: 'updated', lagMs: 0 } as const;
const OUTRUN = { firstRun: { outcome: 'updated', lagMs: 5 } } as const;
const NOTHING_HELD: HeldSlots = { byAccount: {}, background: 0, backgroundShare: 0, reserves: false };

/**
 * What a {@link MessageQueue} must keep, as tests for any framework. An override that passes them can carry
 * the connector's promises.
 *
 * @example
 * for (const { name, run } of messageQueueSuite({ create: () => SqsMessageQueue.connect() })) it(name, run);
 */
export function messageQueueSuite(options: QueueSuiteOptions): readonly QueueTestCase[] {
  const { create, destroy, patienceMs = 10_000 } = options;
  const test = (name: string, body: (queue: MessageQueue, bench: Bench) => Promise<void>): QueueTestCase => ({
    name,
    run: async () => {
      const queue = await create();
      try {
        await body(queue, new Bench(queue, patienceMs));
      } finally {
        await destroy?.(queue);
      }
    },
  });

  return [
    test('accepts an id once per account while it waits', async (queue) => {
      const sent = sampleNotification();
      assert.equal(await queue.add(sent), 'accepted');
      assert.equal(await queue.add(sent), 'duplicate');
      assert.equal(await queue.add({ ...sent, accountId: 'OTHER' }), 'accepted');
      assert.equal((await queue.counts()).waiting, 2);
    }),
    test('accepts exactly one of many simultaneous copies', async (queue) => {
      const sent = sampleNotification();
      const answers = await Promise.all(Array.from({ length: 50 }, () => queue.add(sent)));
      assert.equal(answers.filter((answer) => answer === 'accepted').length, 1);
      assert.equal((await queue.counts()).waiting, 1);
    }),
    test('knows an id while it runs and after it is done', async (queue, bench) => {
      const sent = sampleNotification();
      await queue.add(sent);
      const delivery = await bench.takeOne();
      assert.equal(await queue.add(sent), 'duplicate');
      await queue.settle(delivery, DONE);
      assert.equal(await queue.add(sent), 'duplicate');
      assert.equal(await bench.total(), 0);
    }),
    test('remembers a finished id for as long as its handler asks, and no longer', async (queue, bench) => {
      const [brief, long] = [sampleNotification(), sampleNotification()];
      for (const [sent, dedupeWindowSeconds] of [
        [long, 3600],
        [brief, 1],
      ] as const) {
        await queue.add(sent);
        await queue.settle(await bench.takeOne(), { ...DONE, dedupeWindowSeconds });
        assert.equal(await queue.add(sent), 'duplicate');
      }
      await bench.until(async () => (await queue.add(brief)) === 'accepted', 'the id is forgotten');
      assert.equal(await queue.add(long), 'duplicate');
    }),
    test('remembers each of many finished ids, and no other', async (queue, bench) => {
      const finished = Array.from({ length: 300 }, () => sampleNotification());
      await Promise.all(finished.map((sent) => queue.add(sent)));
      const deliveries = await bench.takeAll(finished.length);
      await Promise.all(deliveries.map((delivery) => queue.settle(delivery, DONE)));
      const again = await Promise.all(finished.map((sent) => queue.add(sent)));
      assert.deepEqual(new Set(again), new Set(['duplicate']));
      const others = await Promise.all(
        finished.map(({ id }) => queue.add(sampleNotification({ id: `not-${id}` }))),
      );
      assert.deepEqual(new Set(others), new Set(['accepted']));
    }),
    test('delivers the notification unchanged, with the options that it was added with', async (queue, bench) => {
      const sent = sampleNotification({
        id: ':lock {x} ü\ud800',
        attributes: { TrackingNumber: 'T1', nested: [1.5, null, { ü: '€' }] },
        meta: {},
      });
      await queue.add(sent, { ...KEY, expectedState: 'SHIPPED', trace: { traceparent: '00-1-2-01' } });
      const delivery = await bench.takeOne();
      assert.deepEqual(delivery.notification, sent);
      assert.equal(delivery.coalesceKey, 'order-1');
      assert.equal(delivery.expectedState, 'SHIPPED');
      assert.deepEqual(delivery.trace, { traceparent: '00-1-2-01' });
      assert.deepEqual(delivery.progress, {});
      assert.equal(delivery.workerDeaths, 0);
    }),
    test('takes at most as many as it is asked for, the oldest first', async (queue, bench) => {
      for (const id of ['a', 'b', 'c']) await queue.add(sampleNotification({ id }));
      const first = await bench.take(2);
      assert.deepEqual(ids(first), ['a', 'b']);
      assert.deepEqual(ids(await bench.take(5)), ['c']);
      assert.deepEqual(await bench.states(), { waiting: 0, active: 3, delayed: 0, dead: 0 });
    }),
    test('gives a notification to only one worker until it is settled', async (queue, bench) => {
      await queue.add(sampleNotification());
      await bench.takeOne();
      await queue.add(sampleNotification({ id: 'next' }));
      assert.deepEqual(ids(await bench.take(10)), ['next']);
    }),
    test('wakes a worker that waits when a notification is added', async (queue, bench) => {
      const waiting = bench.takeOne();
      await delay(20);
      await queue.add(sampleNotification({ id: 'late' }));
      assert.equal((await waiting).notification.id, 'late');
    }),
    test('ends the wait of a worker when its signal aborts', async (queue) => {
      const stop = new AbortController();
      const waiting = queue.take(1, stop.signal);
      stop.abort();
      assert.deepEqual(await waiting, []);
      await queue.add(sampleNotification());
      assert.deepEqual(await queue.take(1, stop.signal), []);
      assert.equal((await queue.counts()).waiting, 1);
    }),
    test('numbers the notifications and runs of a key in a strictly increasing order', async (queue, bench) => {
      const numbers: number[] = [];
      for (let n = 0; n < 20; n++) {
        await queue.add(sampleNotification(), KEY);
        const delivery = await bench.takeOne();
        numbers.push(delivery.acceptedNumber, delivery.ticket.number);
        const renewed = await queue.renew(delivery);
        numbers.push(renewed.ticket.number);
        await queue.settle(delivery, DONE);
      }
      for (const [index, number] of numbers.entries()) {
        assert.ok(index === 0 || number > numbers[index - 1]!, `${number} follows ${numbers[index - 1]}`);
      }
    }),
    test('numbers by a clock in microseconds', async (queue, bench) => {
      await queue.add(sampleNotification(), KEY);
      const first = await bench.takeOne();
      await delay(50);
      const renewed = await queue.renew(first);
      assert.ok(renewed.ticket.number - first.ticket.number >= 40_000, 'the number grows with the time');
      assert.ok(
        Math.abs(first.acceptedNumber / 1000 - first.takenAtMs) < 60_000,
        'takenAtMs has the same clock',
      );
    }),
    test('gives the coverage of a finished run to later notifications', async (queue, bench) => {
      await queue.add(sampleNotification({ id: 'one' }), KEY);
      await queue.add(sampleNotification({ id: 'two' }), KEY);
      await queue.add(sampleNotification({ id: 'other' }), { coalesceKey: 'order-2' });
      const one = await bench.takeOne();
      assert.equal(one.coverage, undefined);
      const coverage = { number: one.ticket.number, observedState: 'BOOKED' };
      await queue.settle(one, { ...DONE, coverage });
      const [two, other] = await bench.take(2);
      assert.deepEqual(two?.coverage, coverage);
      assert.equal(other?.coverage, undefined);
    }),
    test('gives the coverage again when a delivery is renewed', async (queue, bench) => {
      await queue.add(sampleNotification({ id: 'one' }), KEY);
      await queue.add(sampleNotification({ id: 'two' }), KEY);
      const [one, two] = (await bench.take(2)) as [Delivery, Delivery];
      assert.equal(two.coverage, undefined);
      await queue.settle(one, { ...DONE, coverage: { number: one.ticket.number } });
      assert.equal((await queue.renew(two)).coverage?.number, one.ticket.number);
    }),
    test('keeps the newest coverage when an older run finishes later', async (queue, bench) => {
      for (const id of ['one', 'two', 'three']) await queue.add(sampleNotification({ id }), KEY);
      const [one, two] = (await bench.take(2)) as [Delivery, Delivery];
      await queue.settle(two, { ...DONE, coverage: { number: two.ticket.number, observedState: 'new' } });
      await queue.settle(one, { ...DONE, coverage: { number: one.ticket.number, observedState: 'old' } });
      const coverage = (await bench.takeOne()).coverage;
      assert.deepEqual(coverage, { number: two.ticket.number, observedState: 'new' });
    }),
    test('delivers a run again when it changed something after a later run had finished', async (queue, bench) => {
      for (const id of ['slow', 'quick']) await queue.add(sampleNotification({ id }), KEY);
      const [slow, quick] = (await bench.take(2)) as [Delivery, Delivery];
      assert.equal(await queue.settle(quick, endOf(quick, false)), 'settled');
      assert.equal(await queue.settle(slow, endOf(slow, true)), 'outrun');
      assert.equal(await queue.add(slow.notification), 'duplicate');
      const again = await bench.takeOne();
      assert.equal(again.notification.id, 'slow');
      assert.deepEqual(again.progress, OUTRUN);
      assert.ok(slow.ticket.number < again.ranUntil! && again.ranUntil! < again.ticket.number);
      assert.equal(await queue.settle(again, endOf(again, false)), 'settled');
      assert.equal(await bench.total(), 0);
    }),
    test('delivers a run again when it changed nothing while another run changed something', async (queue, bench) => {
      for (const id of ['writes', 'reads', 'next']) await queue.add(sampleNotification({ id }), KEY);
      const [writes, reads] = (await bench.take(2)) as [Delivery, Delivery];
      assert.equal(await queue.settle(writes, endOf(writes, true)), 'settled');
      assert.equal(await queue.settle(reads, endOf(reads, false)), 'outrun');
      const [next, again] = (await bench.takeAll(2)) as [Delivery, Delivery];
      assert.equal(next.coverage?.number, writes.ticket.number, 'a run that was outrun covers nothing');
      assert.equal(next.ranUntil, undefined);
      assert.ok(reads.ticket.number < again.ranUntil! && again.ranUntil! < again.ticket.number);
    }),
    test('ends runs that follow each other, whatever they changed', async (queue, bench) => {
      for (const changed of [true, true, false, false, true]) {
        await queue.add(sampleNotification(), KEY);
        const delivery = await bench.takeOne();
        assert.equal(await queue.settle(delivery, endOf(delivery, changed)), 'settled');
      }
      assert.equal(await bench.total(), 0);
    }),
    test('reports until when a failed run may have written, and nothing after a delivery that only waited', async (queue, bench) => {
      await queue.add(sampleNotification(), KEY);
      const first = await bench.takeOne();
      await queue.settle(first, { action: 'defer', delayMs: 0, progress: {} });
      const second = await bench.takeOne();
      assert.equal(second.ranUntil, undefined);
      await queue.settle(second, { ...retryIn(1), run: {} });
      const third = await bench.takeOne();
      assert.ok(second.ticket.number < third.ranUntil! && third.ranUntil! < third.ticket.number);
    }),
    test('delivers again after the delay, with the progress', async (queue, bench) => {
      const sent = sampleNotification();
      await queue.add(sent, KEY);
      const first = await bench.takeOne();
      const progress = { deathsSeen: 3, firstRun: { outcome: 'unchanged', lagMs: 5 } } as const;
      for (const action of ['recheck', 'defer'] as const) {
        await queue.settle(action === 'recheck' ? first : await bench.takeOne(), {
          action,
          delayMs: 60,
          progress,
        });
        assert.deepEqual(await bench.states(), { waiting: 0, active: 0, delayed: 1, dead: 0 });
        assert.equal(await queue.add(sent), 'duplicate');
      }
      const again = await bench.takeOne();
      assert.deepEqual(again.progress, progress);
      assert.equal(again.acceptedNumber, first.acceptedNumber);
      assert.ok(again.takenAtMs - first.takenAtMs >= 55, 'it came too early');
    }),
    test('reports to other notifications of the key how long a failed run delays them', async (queue, bench) => {
      await queue.add(sampleNotification({ id: 'fails' }), KEY);
      await queue.add(sampleNotification({ id: 'other' }), KEY);
      await queue.settle(await bench.takeOne(), retryIn(30_000));
      const other = await bench.takeOne();
      assert.equal(other.failing?.hasOwnAge, true);
      const heldMs = (other.failing?.notBeforeMs ?? 0) - other.takenAtMs;
      assert.ok(heldMs > 20_000 && heldMs <= 30_000, `held for ${heldMs} ms`);
      await queue.settle(other, { ...DONE, coverage: { number: other.ticket.number } });
      await queue.add(sampleNotification({ id: 'next' }), KEY);
      assert.equal((await bench.takeOne()).failing, undefined);
    }),
    test('keeps a dead letter with its error until it is replayed', async (queue, bench) => {
      const sent = sampleNotification();
      await queue.add(sent, KEY);
      await queue.settle(await bench.takeOne(), dead('order of another retailer'));
      assert.deepEqual(await bench.states(), { waiting: 0, active: 0, delayed: 0, dead: 1 });
      const [letter] = await queue.deadLetters();
      assert.deepEqual(letter?.notification, sent);
      assert.deepEqual(letter.error, { name: 'PermanentError', message: 'order of another retailer' });
      assert.equal(letter.attempts, 4);
      assert.deepEqual(letter.firstFailedAt, new Date(1000));
      assert.deepEqual(await queue.deadLetter(letter.id), letter);

      assert.equal(await queue.replay(letter.id), true);
      assert.equal(await queue.replay(letter.id), false);
      assert.equal(await queue.deadLetter(letter.id), undefined);
      const again = await bench.takeOne();
      assert.deepEqual(again.notification, sent);
      assert.equal(again.coalesceKey, 'order-1');
      assert.deepEqual(again.progress, {});
    }),
    test('does not find a dead letter that does not exist', async (queue) => {
      assert.equal(await queue.deadLetter('unknown'), undefined);
      assert.equal(await queue.replay('unknown'), false);
      assert.equal(await queue.discard('unknown'), false);
      assert.deepEqual(await queue.deadLetters(), []);
    }),
    test('removes a discarded dead letter permanently', async (queue, bench) => {
      await queue.add(sampleNotification());
      await queue.settle(await bench.takeOne(), dead('no'));
      const [letter] = await queue.deadLetters();
      assert.equal(await queue.discard(letter!.id), true);
      assert.equal(await bench.total(), 0);
      assert.equal(await queue.replay(letter!.id), false);
    }),
    test('lists dead letters newest first, page by page, and replays all', async (queue, bench) => {
      for (const id of ['a', 'b', 'c']) {
        await queue.add(sampleNotification({ id }));
        await queue.settle(await bench.takeOne(), dead(id));
        await delay(2);
      }
      const listed = await queue.deadLetters({ limit: 2 });
      assert.deepEqual(
        listed.map(({ error }) => error.message),
        ['c', 'b'],
      );
      const after = listed[1]!;
      const rest = await queue.deadLetters({ after, limit: 2 });
      assert.deepEqual(
        rest.map(({ error }) => error.message),
        ['a'],
      );
      assert.equal(await queue.replayAll(), 3);
      assert.equal((await bench.take(5)).length, 3);
    }),
    test('leaves no dead letter out when others go between two pages', async (queue, bench) => {
      for (const id of ['a', 'b', 'c', 'd']) await queue.add(sampleNotification({ id }));
      for (const delivery of await bench.takeAll(4)) {
        await queue.settle(delivery, dead(delivery.notification.id));
        await delay(5);
      }
      const [first, after] = await queue.deadLetters({ limit: 2 });
      assert.ok(first && after);
      await queue.discard(first.id);
      const messages = async (): Promise<string[]> =>
        (await queue.deadLetters({ after, limit: 2 })).map(({ error }) => error.message);
      assert.deepEqual(await messages(), ['b', 'a']);
      await queue.discard(after.id);
      assert.deepEqual(await messages(), ['b', 'a']);
    }),
    test('tries a dead letter again when its notification is delivered again', async (queue, bench) => {
      const sent = sampleNotification();
      await queue.add(sent);
      await queue.settle(await bench.takeOne(), dead('no'));
      assert.equal(await queue.add(sent), 'accepted');
      assert.deepEqual((await bench.takeOne()).progress, {});
      assert.equal((await queue.counts()).dead, 0);
    }),
    test('takes from the lanes of the accounts in turn, and from each the oldest first', async (queue, bench) => {
      for (const id of ['a1', 'a2', 'a3', 'a4']) await queue.add(sampleNotification({ id }));
      for (const id of ['b1', 'b2']) await queue.add(sampleNotification({ id, accountId: 'OTHER' }));
      const order: string[] = [];
      while (order.length < 6) {
        const delivery = await bench.takeOne();
        order.push(delivery.notification.id);
        await queue.settle(delivery, DONE);
      }
      assert.deepEqual(order, ['a1', 'b1', 'a2', 'b2', 'a3', 'a4']);
    }),
    test('gives the next slot to the account that holds the fewest', async (queue, bench) => {
      for (const id of ['a1', 'a2', 'a3']) await queue.add(sampleNotification({ id }));
      for (const id of ['b1', 'b2', 'b3']) await queue.add(sampleNotification({ id, accountId: 'OTHER' }));
      const held = { ...NOTHING_HELD, byAccount: { ACME: 2 } };
      assert.deepEqual(ids(await bench.take(3, held)), ['b1', 'b2', 'a1']);
    }),
    test('leaves slots free for an account that has nothing waiting yet', async (queue, bench) => {
      for (let n = 0; n < 20; n++) await queue.add(sampleNotification());
      const reserves = { ...NOTHING_HELD, reserves: true };
      assert.equal((await bench.take(16, reserves)).length, 12);
      const held = { ...reserves, byAccount: { ACME: 12 } };
      // Do not wait first: another account may need the slots soon.
      const startedAt = performance.now();
      assert.deepEqual(await queue.take(4, AbortSignal.timeout(patienceMs), held), []);
      assert.ok(performance.now() - startedAt < 4000, 'take waited although work waits');
      await queue.add(sampleNotification({ id: 'b1', accountId: 'OTHER' }));
      assert.deepEqual(ids(await bench.take(4, held)), ['b1']);
    }),
    test('gives the background its share of the slots while other work waits, and more when none does', async (queue, bench) => {
      for (const id of ['r1', 'r2', 'r3', 'r4'])
        await queue.add(sampleNotification({ id }), { background: true });
      for (const id of ['n1', 'n2', 'n3', 'n4']) await queue.add(sampleNotification({ id }));
      const held = { ...NOTHING_HELD, backgroundShare: 2 };
      const taken = await bench.take(5, held);
      assert.deepEqual(ids(taken), ['r1', 'r2', 'n1', 'n2', 'n3']);
      assert.deepEqual(
        taken.map(({ background }) => background),
        [true, true, false, false, false],
      );
      assert.deepEqual(ids(await bench.take(1, { ...held, background: 2 })), ['n4']);
      assert.deepEqual(ids(await bench.take(3, { ...held, background: 2 })), ['r3', 'r4']);
    }),
    test('keeps some slots free of background work for new webhooks', async (queue, bench) => {
      for (let n = 0; n < 20; n++) await queue.add(sampleNotification(), { background: true });
      assert.equal((await bench.take(16, { ...NOTHING_HELD, backgroundShare: 4 })).length, 12);
    }),
    test('delivers retries and replayed dead letters from the background', async (queue, bench) => {
      for (const id of ['retried', 'deferred', 'died']) await queue.add(sampleNotification({ id }));
      const [retried, deferred, died] = (await bench.takeAll(3)) as [Delivery, Delivery, Delivery];
      await queue.settle(retried, { ...retryIn(1), background: true });
      await queue.settle(deferred, { action: 'defer', delayMs: 1, progress: {} });
      await queue.settle(died, dead('no'));
      await queue.replayAll();
      const again = await bench.takeAll(3);
      const inBackground = again.filter(({ background }) => background);
      assert.deepEqual(new Set(ids(inBackground)), new Set(['retried', 'died']));
    }),
    test('delivers what waits for a target as soon as it is woken, and nothing else', async (queue, bench) => {
      for (const id of ['fluent', 'shop', 'busy']) await queue.add(sampleNotification({ id }));
      const [fluent, shop, busy] = (await bench.takeAll(3)) as [Delivery, Delivery, Delivery];
      const later = { action: 'defer', delayMs: 60_000, progress: {} } as const;
      await queue.settle(fluent, { ...later, error: new CircuitOpenError('fluent:ACME', 1000) });
      await queue.settle(shop, { ...later, error: new CircuitOpenError('commercetools:shop', 1000) });
      await queue.settle(busy, later);
      await queue.wake('fluent:ACME');
      const woken = await bench.takeOne();
      assert.equal(woken.notification.id, 'fluent');
      assert.deepEqual(await bench.states(), { waiting: 0, active: 1, delayed: 2, dead: 0 });
      // It waits for nothing now.
      await queue.settle(woken, later);
      await queue.wake('fluent:ACME');
      assert.deepEqual(await bench.states(), { waiting: 0, active: 0, delayed: 3, dead: 0 });
    }),
    test('delivers nothing of a paused account, and everything after it is resumed', async (queue, bench) => {
      const pause = { by: 'anna', since: new Date(1_700_000_000_000), reason: 'wrong mapping' };
      await queue.add(sampleNotification({ id: 'running' }));
      const running = await bench.takeOne();
      assert.deepEqual(await queue.pause('ACME', pause), pause);
      await queue.settle(running, { action: 'defer', delayMs: 0, progress: {} });
      assert.equal(await queue.add(sampleNotification({ id: 'paused' })), 'accepted');
      await queue.add(sampleNotification({ id: 'background' }), { background: true });
      await queue.add(sampleNotification({ id: 'other', accountId: 'OTHER' }));
      assert.deepEqual(ids(await bench.take(5)), ['other']);
      assert.deepEqual(await queue.pauses(), new Map([['ACME', pause]]));
      // The first reason stays.
      assert.deepEqual(await queue.pause('ACME', { ...pause, by: 'bob' }), pause);

      const taking = bench.takeAll(3);
      await delay(100);
      assert.equal((await queue.counts()).active, 1);
      assert.equal(await queue.resume('ACME'), true);
      assert.deepEqual(new Set(ids(await taking)), new Set(['running', 'paused', 'background']));
      assert.equal(await queue.resume('ACME'), false);
      assert.deepEqual(await queue.pauses(), new Map());
    }),
    test('counts the unfinished notifications of each account', async (queue, bench) => {
      assert.deepEqual(await queue.lanes(), []);
      await queue.add(sampleNotification({ accountId: 'DEAD' }));
      await queue.settle(await bench.takeOne(), dead('no'));
      for (const id of ['delayed', 'running']) await queue.add(sampleNotification({ id }));
      const [delayed] = await bench.takeAll(2);
      assert.ok(delayed);
      await queue.settle(delayed, { action: 'defer', delayMs: 60_000, progress: {} });
      await delay(20);
      for (const id of ['waiting', 'too']) await queue.add(sampleNotification({ id }));
      await queue.add(sampleNotification({ accountId: 'OTHER' }), { background: true });
      const lanes = (await queue.lanes()).toSorted((a, b) => a.accountId.localeCompare(b.accountId));
      assert.deepEqual(
        lanes.map(({ accountId, ...lane }) => [
          accountId,
          lane.waiting,
          lane.background,
          lane.running,
          lane.delayed,
        ]),
        [
          ['ACME', 2, 0, 1, 1],
          ['OTHER', 0, 1, 0, 0],
        ],
      );
      const oldestMs = lanes[0]?.oldestUnfinishedAt?.getTime() ?? 0;
      assert.ok(Math.abs(oldestMs - acceptedMs(delayed)) <= 5, 'the delayed one is the oldest');
    }),
    test('counts what waits in every lane', async (queue, bench) => {
      await queue.add(sampleNotification());
      await queue.add(sampleNotification({ accountId: 'OTHER' }));
      await queue.add(sampleNotification(), { background: true });
      assert.deepEqual(await bench.states(), { waiting: 3, active: 0, delayed: 0, dead: 0 });
    }),
    test('reports since when the oldest unfinished notification waits', async (queue, bench) => {
      assert.equal((await queue.counts()).oldestUnfinishedAt, undefined);
      await queue.add(sampleNotification({ id: 'old' }));
      const since = (await queue.counts()).oldestUnfinishedAt?.getTime() ?? 0;
      await delay(20);
      await queue.add(sampleNotification({ id: 'new' }));
      const old = await bench.takeOne();
      await queue.settle(old, { action: 'defer', delayMs: 30_000, progress: {} });
      assert.equal((await queue.counts()).oldestUnfinishedAt?.getTime(), since);
      await queue.settle(await bench.takeOne(), dead('no'));
      assert.equal((await queue.counts()).oldestUnfinishedAt?.getTime(), since);
      assert.ok(Math.abs(since - acceptedMs(old)) <= 5, 'it is the time of acceptance');
    }),
    test('reports that it is healthy', async (queue) => {
      assert.equal((await queue.health()).reachable, true);
    }),
  ];
}

/** Takes from a queue, with a bound. */
class Bench {
  constructor(
    private readonly queue: MessageQueue,
    private readonly patienceMs: number,
  ) {}

  /** @returns at least one delivery. */
  async take(max: number, held?: HeldSlots): Promise<readonly Delivery[]> {
    const signal = AbortSignal.timeout(this.patienceMs);
    for (;;) {
      const taken = await this.queue.take(max, signal, held);
      if (taken.length > 0) return taken;
      assert.ok(!signal.aborted, `nothing to take within ${this.patienceMs} ms`);
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
    assert.ok(delivery);
    return delivery;
  }

  /** Resolves when a condition holds. */
  async until(condition: () => Promise<boolean>, description: string): Promise<void> {
    const giveUpAt = performance.now() + this.patienceMs;
    while (!(await condition())) {
      assert.ok(performance.now() < giveUpAt, `not within ${this.patienceMs} ms: ${description}`);
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

function retryIn(delayMs: number): Extract<Settlement, { action: 'retry' }> {
  return {
    action: 'retry',
    delayMs,
    progress: {},
    error: new Error('busy'),
    holdKeyMs: delayMs,
    hasOwnAge: true,
  };
}

/** The end of a run that succeeded. */
function endOf({ ticket }: Delivery, changed: boolean): Settlement {
  return { ...DONE, coverage: { number: ticket.number }, run: { changed }, ifOutrun: OUTRUN };
}

function dead(message: string): Settlement {
  return {
    action: 'dead',
    progress: {
      failures: { attempts: 4, firstFailedAt: 1000, holds: 0, heldMs: 0 },
      error: { name: 'PermanentError', message },
    },
    error: new Error(message),
  };
}

function ids(deliveries: readonly Delivery[]): string[] {
  return deliveries.map(({ notification: { id } }) => id);
}

function acceptedMs({ acceptedNumber }: Delivery): number {
  return acceptedNumber / 1000;
}
