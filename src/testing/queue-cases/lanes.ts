import { setTimeout as delay } from 'node:timers/promises';
import { CircuitOpenError } from '../../errors.js';
import type { AccountPause, Delivery } from '../../index.js';
import { sampleNotification } from '../sample-notification.js';
import { DONE, NOTHING_HELD, dead, deferFor, ids, retryIn } from './bench.js';
import { expectSame, expectThat } from './expectations.js';
import type { QueueCase } from './queue-case.js';

const PAUSE: AccountPause = { by: 'anna', since: new Date(1_700_000_000_000), reason: 'wrong mapping' };

/** How accounts share the slots, and what makes notifications wait. */
export const LANES: readonly QueueCase[] = [
  {
    method: 'take',
    name: 'takes from the lanes of the accounts in turn, and from each the oldest first',
    check: async (queue, bench) => {
      for (const id of ['a1', 'a2', 'a3', 'a4']) await queue.add(sampleNotification({ id }));
      for (const id of ['b1', 'b2']) await queue.add(sampleNotification({ id, accountId: 'OTHER' }));
      const order: string[] = [];
      while (order.length < 6) {
        const delivery = await bench.takeOne();
        order.push(delivery.notification.id);
        await queue.settle(delivery, DONE);
      }
      const expected = ['a1', 'b1', 'a2', 'b2', 'a3', 'a4'];
      expectSame('ids that take(1) gives of accounts a and b', order, expected);
    },
  },
  {
    method: 'take',
    name: 'gives the next slot to the account that holds the fewest',
    check: async (queue, bench) => {
      for (const id of ['a1', 'a2', 'a3']) await queue.add(sampleNotification({ id }));
      for (const id of ['b1', 'b2', 'b3']) await queue.add(sampleNotification({ id, accountId: 'OTHER' }));
      const held = { ...NOTHING_HELD, byAccount: { ACME: 2 } };
      const what = 'ids that take(3) gives while the account of a holds 2 slots and that of b none';
      expectSame(what, ids(await bench.take(3, held)), ['b1', 'b2', 'a1']);
    },
  },
  {
    method: 'take',
    name: 'leaves slots free for an account that has nothing waiting yet',
    check: async (queue, bench) => {
      for (let n = 0; n < 20; n++) await queue.add(sampleNotification());
      const reserves = { ...NOTHING_HELD, reserves: true };
      const taken = await bench.take(16, reserves);
      expectSame('how many of 16 free slots one account gets with held.reserves', taken.length, 12);
      const held = { ...reserves, byAccount: { ACME: 12 } };
      // Do not wait first: another account may need the slots soon.
      const startedAt = performance.now();
      const none = await queue.take(4, AbortSignal.timeout(bench.patienceMs), held);
      expectSame('ids that take(4) gives when the account holds 12 slots', ids(none), []);
      const tookMs = performance.now() - startedAt;
      expectThat('take() returns at once when the slots must stay free', tookMs < 4000, `${tookMs} ms`);
      await queue.add(sampleNotification({ id: 'b1', accountId: 'OTHER' }));
      const next = ids(await bench.take(4, held));
      expectSame('ids that take(4) gives when another account has one', next, ['b1']);
    },
  },
  {
    method: 'take',
    name: 'gives the background its share of the slots while other work waits, and more when none does',
    check: async (queue, bench) => {
      for (const id of ['r1', 'r2', 'r3', 'r4'])
        await queue.add(sampleNotification({ id }), { background: true });
      for (const id of ['n1', 'n2', 'n3', 'n4']) await queue.add(sampleNotification({ id }));
      const held = { ...NOTHING_HELD, backgroundShare: 2 };
      const taken = await bench.take(5, held);
      const what = 'ids that take(5) gives with backgroundShare: 2 (r in the background)';
      expectSame(what, ids(taken), ['r1', 'r2', 'n1', 'n2', 'n3']);
      const background = taken.map((delivery) => delivery.background);
      expectSame('background of these deliveries', background, [true, true, false, false, false]);
      const prompt = ids(await bench.take(1, { ...held, background: 2 }));
      expectSame('ids that take(1) gives while the background holds its share', prompt, ['n4']);
      const rest = ids(await bench.take(3, { ...held, background: 2 }));
      expectSame('ids that take(3) gives when only background work waits', rest, ['r3', 'r4']);
    },
  },
  {
    method: 'take',
    name: 'keeps some slots free of background work for new webhooks',
    check: async (queue, bench) => {
      for (let n = 0; n < 20; n++) await queue.add(sampleNotification(), { background: true });
      const taken = await bench.take(16, { ...NOTHING_HELD, backgroundShare: 4 });
      expectSame('how many of 16 free slots background work gets when only it waits', taken.length, 12);
    },
  },
  {
    method: 'wake',
    name: 'delivers what waits for a target as soon as it is woken, and nothing else',
    check: async (queue, bench) => {
      for (const id of ['fluent', 'shop', 'busy']) await queue.add(sampleNotification({ id }));
      const [fluent, shop, busy] = (await bench.takeAll(3)) as [Delivery, Delivery, Delivery];
      const later = deferFor(60_000);
      await queue.settle(fluent, { ...later, error: new CircuitOpenError('fluent:ACME', 1000) });
      await queue.settle(shop, { ...later, error: new CircuitOpenError('commercetools:shop', 1000) });
      await queue.settle(busy, later);
      await queue.wake('fluent:ACME');
      const woken = await bench.takeOne();
      expectSame('the id that take() gives after wake("fluent:ACME")', woken.notification.id, 'fluent');
      const expected = { waiting: 0, active: 1, delayed: 2, dead: 0 };
      expectSame('counts() after it', await bench.states(), expected);
    },
  },
  ...[true, false].flatMap((isWoken) =>
    [deferFor(60_000), retryIn(60_000)].map((later): QueueCase => ({
      method: 'wake',
      name: `does not wake a ${later.action} for the target of an earlier wait, which ended ${isWoken ? 'when it was woken' : 'with its delay'}`,
      check: async (queue, bench) => {
        await queue.add(sampleNotification());
        const error = new CircuitOpenError('fluent:ACME', 1000);
        await queue.settle(await bench.takeOne(), { ...deferFor(isWoken ? 60_000 : 1), error });
        if (isWoken) await queue.wake('fluent:ACME');
        await queue.settle(await bench.takeOne(), later);
        await queue.wake('fluent:ACME');
        await queue.add(sampleNotification({ id: 'other' }));
        const what = `ids that take(5) gives after wake() of a target for which the ${later.action} does not wait`;
        expectSame(what, ids(await bench.take(5)), ['other']);
      },
    })),
  ),
  {
    method: 'pause',
    name: 'delivers nothing of a paused account, and everything after it is resumed',
    check: async (queue, bench) => {
      await queue.add(sampleNotification({ id: 'running' }));
      const running = await bench.takeOne();
      expectSame('pause() of an account', await queue.pause('ACME', PAUSE), PAUSE);
      await queue.settle(running, deferFor(0));
      const paused = await queue.add(sampleNotification({ id: 'paused' }));
      expectSame('add() of a paused account', paused, 'accepted');
      await queue.add(sampleNotification({ id: 'background' }), { background: true });
      await queue.add(sampleNotification({ id: 'other', accountId: 'OTHER' }));
      expectSame('ids that take(5) gives while ACME is paused', ids(await bench.take(5)), ['other']);
      expectSame('pauses()', await queue.pauses(), new Map([['ACME', PAUSE]]));
      const second = await queue.pause('ACME', { ...PAUSE, by: 'bob' });
      expectSame('pause() of a paused account, whose first pause stays', second, PAUSE);

      const taking = bench.takeAll(3);
      await delay(100);
      expectSame('counts().active while ACME is paused', (await queue.counts()).active, 1);
      expectSame('resume() of a paused account', await queue.resume('ACME'), true);
      const resumed = new Set(ids(await taking));
      expectSame('ids that come after resume()', resumed, new Set(['running', 'paused', 'background']));
      expectSame('resume() of an account that is not paused', await queue.resume('ACME'), false);
      expectSame('pauses() after it', await queue.pauses(), new Map());
    },
  },
  {
    method: 'pause',
    name: 'holds back what is retried, rechecked, deferred, woken or replayed while its account is paused',
    check: async (queue, bench) => {
      const held = ['retried', 'rechecked', 'deferred', 'woken', 'replayed'];
      for (const id of held) await queue.add(sampleNotification({ id }));
      await queue.add(sampleNotification({ id: 'other', accountId: 'OTHER' }));
      const running = new Map((await bench.takeAll(6)).map((each) => [each.notification.id, each]));
      const settle = async (id: string, settlement: Parameters<typeof queue.settle>[1]): Promise<void> => {
        await queue.settle(running.get(id)!, settlement);
      };
      await queue.pause('ACME', PAUSE);
      await settle('retried', { ...retryIn(1), background: true });
      await settle('rechecked', { action: 'recheck', delayMs: 1, progress: {} });
      await settle('deferred', deferFor(1));
      const error = new CircuitOpenError('fluent:ACME', 60_000);
      await settle('woken', { ...deferFor(60_000), error });
      await queue.wake('fluent:ACME');
      await settle('replayed', dead('no'));
      await queue.replayAll();
      // It becomes due last, so that the others would come with it or before it.
      await settle('other', retryIn(50));
      expectSame('ids that take(9) gives while ACME is paused', ids(await bench.take(9)), ['other']);
      await queue.resume('ACME');
      const resumed = new Set(ids(await bench.takeAll(held.length)));
      expectSame('ids that come after resume()', resumed, new Set(held));
    },
  },
];
