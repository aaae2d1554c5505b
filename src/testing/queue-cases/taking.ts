import { setTimeout as delay } from 'node:timers/promises';
import type { Delivery } from '../../index.js';
import { sampleNotification } from '../sample-notification.js';
import { DONE, KEY, deferFor, ids, retryIn } from './bench.js';
import { expectSame, expectThat } from './expectations.js';
import type { QueueCase } from './queue-case.js';

/** How `take` gives out what is due. */
export const TAKING: readonly QueueCase[] = [
  {
    method: 'take',
    name: 'takes at most as many as it is asked for, the oldest of a lane first',
    check: async (queue, bench) => {
      for (const id of ['a', 'b', 'c']) await queue.add(sampleNotification({ id }));
      expectSame('ids that take(2) gives of a, b, c', ids(await bench.take(2)), ['a', 'b']);
      expectSame('ids that the next take(5) gives', ids(await bench.take(5)), ['c']);
      const expected = { waiting: 0, active: 3, delayed: 0, dead: 0 };
      expectSame('counts() when all three are taken', await bench.states(), expected);
    },
  },
  {
    method: 'take',
    name: 'gives a notification to only one worker until it is settled',
    check: async (queue, bench) => {
      await queue.add(sampleNotification({ id: 'taken' }));
      await bench.takeOne();
      await queue.add(sampleNotification({ id: 'next' }));
      expectSame('ids that take(10) gives while "taken" runs', ids(await bench.take(10)), ['next']);
    },
  },
  {
    method: 'take',
    name: 'wakes a worker that waits when a notification is added',
    check: async (queue, bench) => {
      const waiting = bench.takeOne();
      await delay(20);
      await queue.add(sampleNotification({ id: 'late' }));
      expectSame('the id that a waiting take() gives', (await waiting).notification.id, 'late');
    },
  },
  {
    method: 'take',
    name: 'ends the wait of a worker when its signal aborts',
    check: async (queue) => {
      const stop = new AbortController();
      const waiting = queue.take(1, stop.signal);
      stop.abort();
      expectSame('what take() gives when its signal aborts', await waiting, []);
      await queue.add(sampleNotification());
      const late = await queue.take(1, stop.signal);
      expectSame('what take() gives with a signal that has aborted', late, []);
      expectSame('counts().waiting after it', (await queue.counts()).waiting, 1);
    },
  },
  {
    method: 'settle',
    name: 'delivers again after the delay, with the progress',
    check: async (queue, bench) => {
      const sent = sampleNotification();
      await queue.add(sent, KEY);
      const first = await bench.takeOne();
      const progress = { deathsSeen: 3, firstRun: { outcome: 'unchanged', lagMs: 5 } } as const;
      for (const action of ['recheck', 'defer'] as const) {
        const delivery = action === 'recheck' ? first : await bench.takeOne();
        await queue.settle(delivery, { action, delayMs: 60, progress });
        const expected = { waiting: 0, active: 0, delayed: 1, dead: 0 };
        expectSame(`counts() after ${action}`, await bench.states(), expected);
        expectSame(`add() of an id after ${action}`, await queue.add(sent), 'duplicate');
      }
      const again = await bench.takeOne();
      expectSame('the progress when it comes again', again.progress, progress);
      expectSame('its acceptedNumber', again.acceptedNumber, first.acceptedNumber);
      const passedMs = again.takenAtMs - first.takenAtMs;
      expectThat('it comes again no earlier than delayMs: 60', passedMs >= 55, `${passedMs} ms`);
    },
  },
  {
    method: 'settle',
    name: 'delivers retries and replayed dead letters from the background, and deferred ones as the settlement says',
    check: async (queue, bench) => {
      for (const id of ['retried', 'deferred', 'died']) await queue.add(sampleNotification({ id }));
      const [retried, deferred, died] = (await bench.takeAll(3)) as [Delivery, Delivery, Delivery];
      await queue.settle(retried, { ...retryIn(1), background: true });
      await queue.settle(deferred, deferFor(1));
      const error = new Error('no');
      await queue.settle(died, { action: 'dead', progress: {}, error });
      await queue.replayAll();
      const inBackground = (await bench.takeAll(3)).filter(({ background }) => background);
      expectSame(
        'ids that come again from the background lane',
        new Set(ids(inBackground)),
        new Set(['retried', 'died']),
      );
    },
  },
];

/** Needs a second worker on the same store. */
export const TAKING_OVER: readonly QueueCase[] = [
  {
    method: 'take',
    name: 'gives the delivery of a worker that died to another worker, and tells it so',
    check: async (queue, bench) => {
      await queue.add(sampleNotification(), KEY);
      const lost = await bench.takeOne();
      const other = await bench.takeOver();
      const again = await other.bench.takeOne();
      expectSame('the id that the other worker takes', again.id, lost.id);
      expectSame('its workerDeaths', again.workerDeaths, 1);
      expectThat(
        'its ranUntil lies between the tickets of the run that died and of the new one',
        lost.ticket.number < again.ranUntil! && again.ranUntil! < again.ticket.number,
        { died: lost.ticket.number, ranUntil: again.ranUntil, taken: again.ticket.number },
      );
    },
  },
  {
    method: 'settle',
    name: 'changes nothing when a worker settles a delivery that another worker has taken over',
    check: async (queue, bench) => {
      for (const late of [DONE, retryIn(60_000), { action: 'dead', progress: {}, error: 'late' }] as const) {
        const sent = sampleNotification();
        await queue.add(sent);
        const lost = await bench.takeOne();
        const other = await bench.takeOver();
        const again = await other.bench.takeOne();
        expectSame('the id that the other worker takes', again.id, lost.id);
        await queue.settle(lost, late);
        const expected = { waiting: 0, active: 1, delayed: 0, dead: 0 };
        const what = `counts() after the first worker settles late with "${late.action}", while the other runs it`;
        expectSame(what, await other.bench.states(), expected);
        await other.queue.settle(again, DONE);
        expectSame('notifications of counts() when the other worker is done', await other.bench.total(), 0);
        expectSame('add() of the id after that', await other.queue.add(sent), 'duplicate');
      }
    },
  },
];
