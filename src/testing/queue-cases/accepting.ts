import { sampleNotification } from '../sample-notification.js';
import { DONE, KEY } from './bench.js';
import { expectSame } from './expectations.js';
import type { QueueCase } from './queue-case.js';

/** What `add` promises to the sender of a webhook. */
export const ACCEPTING: readonly QueueCase[] = [
  {
    method: 'add',
    name: 'accepts an id once per account while it waits',
    check: async (queue) => {
      const sent = sampleNotification();
      expectSame('add() of a new id', await queue.add(sent), 'accepted');
      expectSame('add() of an id that waits', await queue.add(sent), 'duplicate');
      const other = { ...sent, accountId: 'OTHER' };
      expectSame('add() of the same id of another account', await queue.add(other), 'accepted');
      expectSame('counts().waiting after two accepted ones', (await queue.counts()).waiting, 2);
    },
  },
  {
    method: 'add',
    name: 'accepts exactly one of many simultaneous copies',
    check: async (queue) => {
      const sent = sampleNotification();
      const answers = await Promise.all(Array.from({ length: 50 }, () => queue.add(sent)));
      const accepted = answers.filter((answer) => answer === 'accepted').length;
      expectSame('how many of 50 simultaneous add() of one id gave "accepted"', accepted, 1);
      expectSame('counts().waiting after them', (await queue.counts()).waiting, 1);
    },
  },
  {
    method: 'add',
    name: 'knows an id while it runs and after it is done',
    check: async (queue, bench) => {
      const sent = sampleNotification();
      await queue.add(sent);
      const delivery = await bench.takeOne();
      expectSame('add() of an id that runs', await queue.add(sent), 'duplicate');
      await queue.settle(delivery, DONE);
      expectSame('add() of an id that is done', await queue.add(sent), 'duplicate');
      expectSame('notifications of counts() after the only one is done', await bench.total(), 0);
    },
  },
  {
    method: 'settle',
    name: 'remembers a finished id for as long as its handler asks, and no longer',
    check: async (queue, bench) => {
      const [brief, long] = [sampleNotification(), sampleNotification()];
      for (const [sent, dedupeWindowSeconds] of [
        [long, 3600],
        [brief, 1],
      ] as const) {
        await queue.add(sent);
        await queue.settle(await bench.takeOne(), { ...DONE, dedupeWindowSeconds });
        const what = `add() of an id that was done with dedupeWindowSeconds: ${dedupeWindowSeconds}`;
        expectSame(what, await queue.add(sent), 'duplicate');
      }
      await bench.until(
        'add() gives "accepted" when a dedupeWindowSeconds of 1 is over',
        async () => (await queue.add(brief)) === 'accepted',
      );
      expectSame('add() while a dedupeWindowSeconds of 3,600 lasts', await queue.add(long), 'duplicate');
    },
  },
  {
    method: 'add',
    name: 'remembers each of many finished ids, and no other',
    check: async (queue, bench) => {
      const finished = Array.from({ length: 300 }, () => sampleNotification());
      await Promise.all(finished.map((sent) => queue.add(sent)));
      const deliveries = await bench.takeAll(finished.length);
      await Promise.all(deliveries.map((delivery) => queue.settle(delivery, DONE)));
      const again = await Promise.all(finished.map((sent) => queue.add(sent)));
      expectSame('answers of add() for 300 ids that are done', new Set(again), new Set(['duplicate']));
      const others = await Promise.all(
        finished.map(({ id }) => queue.add(sampleNotification({ id: `not-${id}` }))),
      );
      expectSame('answers of add() for 300 new ids', new Set(others), new Set(['accepted']));
    },
  },
  {
    method: 'add',
    name: 'delivers the notification unchanged, with the options that it was added with',
    check: async (queue, bench) => {
      const sent = sampleNotification({
        id: ':lock {x} ü\ud800',
        attributes: { TrackingNumber: 'T1', nested: [1.5, null, { ü: '€' }] },
        meta: {},
      });
      await queue.add(sent, { ...KEY, expectedState: 'SHIPPED', trace: { traceparent: '00-1-2-01' } });
      const { notification, coalesceKey, expectedState, trace, progress, workerDeaths } =
        await bench.takeOne();
      expectSame('the notification of the delivery', notification, sent);
      expectSame('its coalesceKey', coalesceKey, 'order-1');
      expectSame('its expectedState', expectedState, 'SHIPPED');
      expectSame('its trace', trace, { traceparent: '00-1-2-01' });
      expectSame('its progress before its first run', progress, {});
      expectSame('its workerDeaths before its first run', workerDeaths, 0);
    },
  },
];
