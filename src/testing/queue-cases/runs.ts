import { setTimeout as delay } from 'node:timers/promises';
import type { Delivery, Settlement } from '../../index.js';
import { sampleNotification } from '../sample-notification.js';
import { DONE, KEY, OUTRUN, deferFor, endOf, retryIn } from './bench.js';
import { expectSame, expectThat } from './expectations.js';
import type { QueueCase } from './queue-case.js';

/** Numbers, epochs, coverage and outrun runs: what keeps an older run from undoing a newer one. */
export const RUNS: readonly QueueCase[] = [
  {
    method: 'add',
    name: 'numbers the notifications and runs of a key in a strictly increasing order',
    check: async (queue, bench) => {
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
        const before = numbers[index - 1] ?? 0;
        expectThat('each number of a key is larger than the one before', number > before, [before, number]);
      }
    },
  },
  {
    method: 'add',
    name: 'numbers by a clock in microseconds',
    check: async (queue, bench) => {
      await queue.add(sampleNotification(), KEY);
      const first = await bench.takeOne();
      await delay(50);
      const renewed = await queue.renew(first);
      const grown = renewed.ticket.number - first.ticket.number;
      expectThat('the number grows by 40,000 or more within 50 ms', grown >= 40_000, grown);
      const apartMs = Math.abs(first.acceptedNumber / 1000 - first.takenAtMs);
      expectThat(
        'acceptedNumber / 1000 and takenAtMs have the same clock',
        apartMs < 60_000,
        `${apartMs} ms`,
      );
    },
  },
  {
    method: 'take',
    name: 'names the epoch in which it numbers a key, the same one as long as it knows the key',
    check: async (queue, bench) => {
      await queue.add(sampleNotification(), KEY);
      const first = await bench.takeOne();
      const { epoch } = first.ticket;
      expectThat('ticket.epoch of a delivery with a coalesceKey is a text', typeof epoch === 'string', epoch);
      expectSame('ticket.epoch after renew()', (await queue.renew(first)).ticket.epoch, epoch);
      await queue.settle(first, endOf(first, true));
      await queue.add(sampleNotification(), KEY);
      expectSame('ticket.epoch of the next run of the key', (await bench.takeOne()).ticket.epoch, epoch);
    },
  },
  {
    method: 'settle',
    name: 'gives the coverage of a finished run to later notifications',
    check: async (queue, bench) => {
      await queue.add(sampleNotification({ id: 'one' }), KEY);
      await queue.add(sampleNotification({ id: 'two' }), KEY);
      await queue.add(sampleNotification({ id: 'other' }), { coalesceKey: 'order-2' });
      const one = await bench.takeOne();
      expectSame('coverage before any run of the key ended', one.coverage, undefined);
      const coverage = { number: one.ticket.number, observedState: 'BOOKED' };
      await queue.settle(one, { ...DONE, coverage });
      const [two, other] = await bench.takeAll(2);
      expectSame('coverage of the next delivery of the key', two?.coverage, coverage);
      expectSame('coverage of a delivery of another key', other?.coverage, undefined);
    },
  },
  {
    method: 'renew',
    name: 'gives the coverage again when a delivery is renewed',
    check: async (queue, bench) => {
      await queue.add(sampleNotification({ id: 'one' }), KEY);
      await queue.add(sampleNotification({ id: 'two' }), KEY);
      const [one, two] = (await bench.takeAll(2)) as [Delivery, Delivery];
      expectSame('coverage before any run of the key ended', two.coverage, undefined);
      await queue.settle(one, { ...DONE, coverage: { number: one.ticket.number } });
      const renewed = await queue.renew(two);
      expectSame('coverage after renew()', renewed.coverage?.number, one.ticket.number);
    },
  },
  {
    method: 'settle',
    name: 'keeps the newest coverage when an older run finishes later',
    check: async (queue, bench) => {
      for (const id of ['one', 'two', 'three']) await queue.add(sampleNotification({ id }), KEY);
      const [one, two] = (await bench.takeAll(2)) as [Delivery, Delivery];
      const newest = { number: two.ticket.number, observedState: 'new' };
      await queue.settle(two, { ...DONE, coverage: newest });
      await queue.settle(one, { ...DONE, coverage: { number: one.ticket.number, observedState: 'old' } });
      expectSame('coverage of the next delivery of the key', (await bench.takeOne()).coverage, newest);
    },
  },
  {
    method: 'settle',
    name: 'delivers a run again when it changed something after a later run had finished',
    check: async (queue, bench) => {
      for (const id of ['slow', 'quick']) await queue.add(sampleNotification({ id }), KEY);
      const [slow, quick] = (await bench.takeAll(2)) as [Delivery, Delivery];
      expectSame(
        'settle() of the later run, first',
        await queue.settle(quick, endOf(quick, false)),
        'settled',
      );
      const late = 'settle() of the earlier run, which changed something';
      expectSame(late, await queue.settle(slow, endOf(slow, true)), 'outrun');
      expectSame('add() of an id that was outrun', await queue.add(slow.notification), 'duplicate');
      const again = await bench.takeOne();
      expectSame('the id that comes again', again.notification.id, 'slow');
      expectSame('its progress, which is ifOutrun', again.progress, OUTRUN);
      expectRanUntil(slow, again);
      expectSame('settle() of the second run', await queue.settle(again, endOf(again, false)), 'settled');
      expectSame('notifications of counts() after it', await bench.total(), 0);
    },
  },
  {
    method: 'settle',
    name: 'delivers a run again when it changed nothing while another run changed something',
    check: async (queue, bench) => {
      for (const id of ['writes', 'reads', 'next']) await queue.add(sampleNotification({ id }), KEY);
      const [writes, reads] = (await bench.takeAll(2)) as [Delivery, Delivery];
      const first = await queue.settle(writes, endOf(writes, true));
      expectSame('settle() of the run that changed something', first, 'settled');
      const second = await queue.settle(reads, endOf(reads, false));
      expectSame('settle() of a run that began before and changed nothing', second, 'outrun');
      const [next, again] = (await bench.takeAll(2)) as [Delivery, Delivery];
      const covered = 'coverage of the next delivery: a run that was outrun covers nothing';
      expectSame(covered, next.coverage?.number, writes.ticket.number);
      expectSame('ranUntil of a delivery that has not run', next.ranUntil, undefined);
      expectRanUntil(reads, again);
    },
  },
  ...(['recheck', 'retry', 'defer'] as const).map((action): QueueCase => ({
    method: 'settle',
    name: `counts the change of a run that ends with ${action} when it looks for outrun runs`,
    check: async (queue, bench) => {
      for (const id of ['writes', 'reads']) await queue.add(sampleNotification({ id }), KEY);
      const [writes, reads] = (await bench.takeAll(2)) as [Delivery, Delivery];
      const again: Settlement = {
        ...(action === 'retry' ? retryIn(60_000) : { action, delayMs: 60_000, progress: {} }),
        run: { changed: true },
      };
      expectSame(`settle() with ${action}`, await queue.settle(writes, again), 'settled');
      const found = await queue.settle(reads, endOf(reads, false));
      expectSame('settle() of a run that began before and changed nothing', found, 'outrun');
    },
  })),
  {
    method: 'settle',
    name: 'ends runs that follow each other, whatever they changed',
    check: async (queue, bench) => {
      for (const changed of [true, true, false, false, true]) {
        await queue.add(sampleNotification(), KEY);
        const delivery = await bench.takeOne();
        const found = await queue.settle(delivery, endOf(delivery, changed));
        expectSame('settle() of a run that no other run overlaps', found, 'settled');
      }
      expectSame('notifications of counts() after them', await bench.total(), 0);
    },
  },
  ...[true, false].map((changed): QueueCase => ({
    method: 'settle',
    name: `records no coverage of a run of an earlier epoch of its key, and delivers it again, when it changed ${changed ? 'something' : 'nothing'}`,
    check: async (queue, bench) => {
      for (const id of ['before', 'after']) await queue.add(sampleNotification({ id }), KEY);
      const before = ofEarlierEpoch(await bench.takeOne());
      const found = await queue.settle(before, endOf(before, changed));
      expectSame('settle() of a run whose ticket has another epoch than its key', found, 'outrun');
      const [after] = await bench.take(1);
      expectSame('coverage of the next delivery of the key', after?.coverage, undefined);
    },
  })),
  {
    method: 'settle',
    name: 'records no coverage of an earlier epoch of the key, also when nothing ran',
    check: async (queue, bench) => {
      for (const id of ['before', 'after']) await queue.add(sampleNotification({ id }), KEY);
      const before = ofEarlierEpoch(await bench.takeOne());
      const found = await queue.settle(before, { ...DONE, coverage: { number: before.ticket.number } });
      expectSame('settle() with "done" and without a run', found, 'settled');
      expectSame('coverage of the next delivery of the key', (await bench.takeOne()).coverage, undefined);
    },
  },
  {
    method: 'settle',
    name: 'reports until when a failed run may have written, and nothing after a delivery that only waited',
    check: async (queue, bench) => {
      await queue.add(sampleNotification(), KEY);
      await queue.settle(await bench.takeOne(), deferFor(0));
      const second = await bench.takeOne();
      expectSame('ranUntil after a defer without a run', second.ranUntil, undefined);
      await queue.settle(second, { ...retryIn(1), run: {} });
      expectRanUntil(second, await bench.takeOne());
    },
  },
  {
    method: 'settle',
    name: 'keeps until when a run may have written while the delivery waits once more',
    check: async (queue, bench) => {
      await queue.add(sampleNotification(), KEY);
      await queue.settle(await bench.takeOne(), { ...retryIn(1), run: {} });
      const ran = await bench.takeOne();
      expectThat('a delivery that comes again after a run has ranUntil', ran.ranUntil !== undefined);
      await queue.settle(ran, deferFor(0));
      const again = await bench.takeOne();
      expectSame('ranUntil after a defer that follows', again.ranUntil, ran.ranUntil);
    },
  },
  {
    method: 'settle',
    name: 'reports to other notifications of the key how long a failed run delays them',
    check: async (queue, bench) => {
      await queue.add(sampleNotification({ id: 'fails' }), KEY);
      await queue.add(sampleNotification({ id: 'other' }), KEY);
      await queue.settle(await bench.takeOne(), retryIn(30_000));
      const other = await bench.takeOne();
      expectSame('failing.hasOwnAge of the next delivery of the key', other.failing?.hasOwnAge, true);
      const heldMs = (other.failing?.notBeforeMs ?? 0) - other.takenAtMs;
      const what = 'failing.notBeforeMs is about holdKeyMs: 30,000 after takenAtMs';
      expectThat(what, heldMs > 20_000 && heldMs <= 30_000, `${heldMs} ms`);
      await queue.settle(other, { ...DONE, coverage: { number: other.ticket.number } });
      await queue.add(sampleNotification({ id: 'next' }), KEY);
      expectSame('failing after a run that succeeded', (await bench.takeOne()).failing, undefined);
    },
  },
];

/** The key has begun anew since this delivery was taken: the numbers of before may be larger. */
function ofEarlierEpoch(delivery: Delivery): Delivery {
  const number = delivery.ticket.number + 3_600_000_000;
  return { ...delivery, ticket: { number, epoch: 'an-earlier-epoch' } };
}

function expectRanUntil(earlier: Delivery, again: Delivery): void {
  expectThat(
    'ranUntil lies between the ticket of the run that ended and the ticket with which it comes again',
    earlier.ticket.number < again.ranUntil! && again.ranUntil! < again.ticket.number,
    { ended: earlier.ticket.number, ranUntil: again.ranUntil, comesAgain: again.ticket.number },
  );
}
