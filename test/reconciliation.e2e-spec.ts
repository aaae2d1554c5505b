import { Redis } from 'ioredis';
import { describe, expect, vi } from 'vitest';
import { agrees } from './support/agreement.js';
import { type Harness, createIt } from './support/harness.js';
import { WAIT } from './support/wait.js';

const INTERVAL_SECONDS = 1;
const LAST_LOOK = '{fluent-connector}:reconciliation:last-look';

const it = createIt();
it.override('environment', { RECONCILE_INTERVAL: String(INTERVAL_SECONDS) });

/** Waits for the first look: without overlap, nothing is found that happened before it. */
async function firstLook({ fluent }: Harness): Promise<void> {
  // The answer to the first query has been read when the second one arrives.
  await vi.waitFor(() => expect(fluent.requests.count('orders')).toBeGreaterThan(1), WAIT);
}

/** Whether reconciliation has looked for the order in commercetools, without success. */
function missedByReconciliation(lines: Harness['lines'], ref: string): boolean {
  return lines.some(
    ({ entityRef, notificationId, outcome }) =>
      entityRef === ref && String(notificationId).startsWith('reconciliation:') && outcome === 'retried',
  );
}

describe('reconciliation', () => {
  it('finds an order whose webhook never came, and counts it', async ({ harness }) => {
    const connector = await harness.startInProcess();
    const id = harness.addOrder('O_1');
    harness.fluent.setStatus(id, 'BOOKED');
    await harness.expectAgreement('O_1', 'BOOKED');
    await vi.waitFor(async () => expect(await connector.metric('reconcile_found_total')).toBe(1), WAIT);
    harness.fluent.setStatus(id, 'COMPLETE');
    await harness.expectAgreement('O_1', 'COMPLETE');
  });

  it('does not sync once more what the sync of a webhook has seen', async ({ harness }) => {
    const { fluent, lines } = harness;
    const connector = await harness.startInProcess({ RECONCILE_INTERVAL: '2' });
    const refs = Array.from({ length: 5 }, (_, index) => `O_${index}`);
    for (const ref of refs) {
      // An order that was updated at a whole second is synced once more, as the next update may have the same time.
      while (Date.now() % 1000 < 5) await new Promise(setImmediate);
      expect((await fluent.move(harness.addOrder(ref), 'BOOKED')).result).toBe('accepted');
    }
    for (const ref of refs) await harness.expectAgreement(ref, 'BOOKED');
    const looks = () => lines.filter(({ alreadySynced }) => alreadySynced !== undefined);
    await vi.waitFor(() => expect(looks().at(-1)).toMatchObject({ queued: 0, alreadySynced: 5 }), WAIT);
    expect(await connector.metric('reconcile_found_total')).toBe(0);

    // Nobody has told of the next update.
    fluent.setStatus(fluent.orders.find(({ ref }) => ref === 'O_0')!.id, 'COMPLETE');
    await harness.expectAgreement('O_0', 'COMPLETE');
  });

  it('continues after a restart where it stopped, however long ago that was', async ({ harness }) => {
    const { fluent } = harness;
    const first = await harness.startConnector({ RECONCILE_OVERLAP: '0' });
    await firstLook(harness);
    fluent.setStatus(harness.addOrder('O_1'), 'BOOKED');
    await harness.expectAgreement('O_1', 'BOOKED');
    expect(await first.stop()).toBe(0);

    fluent.setStatus(harness.addOrder('O_2'), 'BOOKED');
    // No overlap, and a new process: only the watermark tells that O_2 was not seen.
    await harness.startConnector({ RECONCILE_OVERLAP: '0' });
    await harness.expectAgreement('O_2', 'BOOKED');
  });

  it('looks once per interval, however many replicas there are', async ({ harness, redis }) => {
    const client = new Redis(redis.url);
    const monitor = await client.monitor();
    const looksAt: number[] = [];
    monitor.on('monitor', (_time: string, [command, key, value]: string[]) => {
      if (command?.toLowerCase() === 'set' && key === LAST_LOOK) looksAt.push(Number(value));
    });
    try {
      await Promise.all(Array.from({ length: 3 }, () => harness.startInProcess()));
      await vi.waitFor(() => expect(looksAt.length).toBeGreaterThan(3), WAIT);
    } finally {
      monitor.disconnect();
      client.disconnect();
    }
    // The replicas' own notes of when each look began: they share one clock.
    const pausesMs = looksAt.slice(1).map((at, index) => at - looksAt[index]!);
    expect(Math.min(...pausesMs)).toBeGreaterThanOrEqual(INTERVAL_SECONDS * 1000);
  });

  it('leaves alone what is not in commercetools or belongs to other retailers', async ({ harness }) => {
    const { fluent, commercetools, lines } = harness;
    const connector = await harness.startInProcess({ ORDER_NOT_FOUND_MAX_AGE: '3' });
    fluent.addOrder({ ref: 'IN_STORE' });
    commercetools.addOrder({ orderNumber: 'FOREIGN' });
    fluent.addOrder({ ref: 'FOREIGN', retailerId: '2', status: 'BOOKED' });
    fluent.setStatus(harness.addOrder('O_1'), 'BOOKED');
    await harness.expectAgreement('O_1', 'BOOKED');
    const linesOf = (ref: string) => lines.filter(({ entityRef }) => entityRef === ref);
    await vi.waitFor(() => expect(linesOf('IN_STORE').at(-1)).toMatchObject({ outcome: 'unchanged' }), WAIT);
    expect(linesOf('FOREIGN')).toEqual([]);
    expect(commercetools.order('FOREIGN')?.orderState).toBe('Open');
    expect(await connector.metric('queue_jobs', 'dead')).toBe(0);
  });

  it('does not settle the webhook of an order that commercetools does not have yet', async ({ harness }) => {
    const { fluent, commercetools, lines } = harness;
    // After a failed run of an order its other notifications wait for the retry. Which of them runs next is a matter of
    // chance, so there are many retries.
    await harness.startInProcess({ RETRY_BASE_DELAY: '100', RETRY_MAX_DELAY: '100', RECHECK_DELAY: '100' });
    await firstLook(harness);
    const { id } = fluent.addOrder({ ref: 'LATE' });
    expect((await fluent.move(id, 'BOOKED')).result).toBe('accepted');
    await vi.waitFor(() => expect(missedByReconciliation(lines, 'LATE')).toBe(true), WAIT);
    expect(lines.filter(({ outcome }) => outcome === 'superseded')).toEqual([]);
    commercetools.addOrder({ orderNumber: 'LATE' });
    await harness.expectAgreement('LATE', 'BOOKED');
  });

  it('repairs an order whose webhook is lost and that reaches commercetools after the look', async ({
    harness,
  }) => {
    const { fluent, commercetools, lines } = harness;
    await harness.startInProcess({ RECONCILE_OVERLAP: '0' });
    await firstLook(harness);
    fluent.addOrder({ ref: 'LOST', status: 'BOOKED' });
    await vi.waitFor(() => expect(missedByReconciliation(lines, 'LOST')).toBe(true), WAIT);
    commercetools.addOrder({ orderNumber: 'LOST' });
    await harness.expectAgreement('LOST', 'BOOKED');
  });

  it('keeps the watermark while Fluent cannot be asked', async ({ harness }) => {
    const { fluent, commercetools } = harness;
    await harness.startInProcess({ RECONCILE_OVERLAP: '0' });
    await firstLook(harness);
    fluent.setStatus(harness.addOrder('O_1'), 'BOOKED');
    await harness.expectAgreement('O_1', 'BOOKED');
    fluent.faults.set({ kind: 'error', operation: 'orders' });
    fluent.setStatus(harness.addOrder('O_2'), 'BOOKED');
    await vi.waitFor(() => expect(fluent.faults.triggered('error')).toBeGreaterThan(1), WAIT);
    expect(agrees(commercetools.order('O_2'), 'BOOKED')).toBe(false);
    fluent.faults.clear();
    await harness.expectAgreement('O_2', 'BOOKED');
  });
});
