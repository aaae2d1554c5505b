import { setTimeout as delay } from 'node:timers/promises';
import type { Delivery } from '../../index.js';
import { sampleNotification } from '../sample-notification.js';
import { DONE, acceptedMs, dead, deferFor, retryIn } from './bench.js';
import { expectSame, expectThat } from './expectations.js';
import type { QueueCase } from './queue-case.js';

/** What metrics, alerts and operators read. */
export const COUNTS: readonly QueueCase[] = [
  {
    method: 'lanes',
    name: 'counts the unfinished notifications of each account',
    check: async (queue, bench) => {
      expectSame('lanes() of an empty queue', await queue.lanes(), []);
      await queue.add(sampleNotification({ accountId: 'DEAD' }));
      await queue.settle(await bench.takeOne(), dead('no'));
      for (const id of ['delayed', 'running']) await queue.add(sampleNotification({ id }));
      const [delayed] = await bench.takeAll(2);
      expectThat('take() gives a delivery', delayed !== undefined);
      await queue.settle(delayed, deferFor(60_000));
      await delay(20);
      for (const id of ['waiting', 'too']) await queue.add(sampleNotification({ id }));
      await queue.add(sampleNotification({ accountId: 'OTHER' }), { background: true });
      const lanes = (await queue.lanes()).toSorted((a, b) => a.accountId.localeCompare(b.accountId));
      expectSame(
        'accountId, waiting, background, running and delayed of lanes()',
        lanes.map((lane) => [lane.accountId, lane.waiting, lane.background, lane.running, lane.delayed]),
        [
          ['ACME', 2, 0, 1, 1],
          ['OTHER', 0, 1, 0, 0],
        ],
      );
      const apartMs = Math.abs((lanes[0]?.oldestUnfinishedAt?.getTime() ?? 0) - acceptedMs(delayed));
      const what = 'oldestUnfinishedAt of a lane is the acceptance of its oldest, here the delayed one';
      expectThat(what, apartMs <= 5, `${apartMs} ms apart`);
    },
  },
  {
    method: 'findUnfinished',
    name: 'finds what has not ended about an order, and nothing else, or says that it has not looked at everything',
    check: async (queue, bench) => {
      const order = { entityType: 'ORDER', entityId: '7', entityRef: 'Größe "7"' };
      const child = { entityType: 'FULFILMENT', entityId: '8', entityRef: 'F_8' };
      const add = (id: string, fields: object): Promise<unknown> =>
        queue.add(sampleNotification({ id, ...fields }));
      for (const id of ['done', 'dead', 'failed', 'runs']) await add(id, order);
      const [done, gone, failed, runs] = (await bench.takeAll(4)) as [Delivery, Delivery, Delivery, Delivery];
      await queue.settle(done, DONE);
      await queue.settle(gone, dead('no'));
      const progress = { error: { name: 'TransientError', message: 'busy' } };
      await queue.settle(failed, { ...retryIn(60_000), progress });
      await add('by ref', { ...child, rootEntityType: 'ORDER', rootEntityRef: order.entityRef });
      await add('by id', { ...child, rootEntityType: 'ORDER', rootEntityId: order.entityId });
      await add('another account', { ...order, accountId: 'OTHER' });
      await add('another ref', { ...child, entityRef: 'größe "7"' });
      await add('the id as ref', { ...child, entityRef: order.entityId });
      await add('inside', { ...child, attributes: { entityRef: order.entityRef, entityId: order.entityId } });

      const search = { accountId: 'ACME', refs: [order.entityRef], ids: [order.entityId] };
      const { found, isComplete } = await queue.findUnfinished(search);
      const foundIds = found.map(({ notification }) => notification.id).toSorted();
      const sought = ['by id', 'by ref', 'failed', 'runs'];
      const expected = isComplete ? sought : sought.filter((id) => foundIds.includes(id));
      expectSame(`ids of findUnfinished() with isComplete: ${isComplete}`, foundIds, expected);
      for (const { notification, acceptedAt, progress: left } of found) {
        const { id } = notification;
        expectSame(`the progress of "${id}"`, left, id === 'failed' ? progress : {});
        const apartMs = id === 'runs' ? Math.abs(acceptedAt.getTime() - acceptedMs(runs)) : 0;
        expectThat('acceptedAt is the time of acceptance', apartMs <= 5, `${apartMs} ms apart`);
      }
    },
  },
  {
    method: 'counts',
    name: 'counts what waits in every lane',
    check: async (queue, bench) => {
      await queue.add(sampleNotification());
      await queue.add(sampleNotification({ accountId: 'OTHER' }));
      await queue.add(sampleNotification(), { background: true });
      const expected = { waiting: 3, active: 0, delayed: 0, dead: 0 };
      expectSame('counts() of three lanes with one each', await bench.states(), expected);
    },
  },
  {
    method: 'counts',
    name: 'reports since when the oldest unfinished notification waits',
    check: async (queue, bench) => {
      const since = async (): Promise<number | undefined> =>
        (await queue.counts()).oldestUnfinishedAt?.getTime();
      expectSame('counts().oldestUnfinishedAt of an empty queue', await since(), undefined);
      await queue.add(sampleNotification({ id: 'old' }));
      const first = await since();
      await delay(20);
      await queue.add(sampleNotification({ id: 'new' }));
      const old = await bench.takeOne();
      await queue.settle(old, deferFor(30_000));
      expectSame('counts().oldestUnfinishedAt while the oldest is delayed', await since(), first);
      await queue.settle(await bench.takeOne(), dead('no'));
      expectSame('counts().oldestUnfinishedAt after another one died', await since(), first);
      const apartMs = Math.abs((first ?? 0) - acceptedMs(old));
      expectThat(
        'counts().oldestUnfinishedAt is the time of acceptance',
        apartMs <= 5,
        `${apartMs} ms apart`,
      );
    },
  },
  {
    method: 'health',
    name: 'reports that it is healthy',
    check: async (queue) => {
      expectSame('health().reachable', (await queue.health()).reachable, true);
    },
  },
];
