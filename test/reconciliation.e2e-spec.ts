import { Redis } from 'ioredis';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { CommercetoolsEmulator, FluentEmulator, PrivateRedis } from '../src/testing/index.js';
import { agrees } from './support/agreement.js';
import { ConnectorProcess, type LogLine } from './support/connector-process.js';

const patience = { timeout: 30_000, interval: 50 };
const INTERVAL_SECONDS = 1;

let redis: PrivateRedis;
let fluent: FluentEmulator;
let commercetools: CommercetoolsEmulator;
let lines: LogLine[];
const processes: ConnectorProcess[] = [];

beforeAll(async () => {
  redis = await PrivateRedis.start();
});
afterAll(() => redis.stop());
beforeEach(async () => {
  await redis.flush();
  lines = [];
  fluent = await new FluentEmulator().start();
  commercetools = await new CommercetoolsEmulator().start();
  fluent.useReferenceMappings();
});
afterEach(async () => {
  for (const connector of processes.splice(0)) await connector.kill();
  await Promise.all([fluent.stop(), commercetools.stop()]);
});

async function startConnector(environment: Record<string, string> = {}): Promise<ConnectorProcess> {
  const connector = await ConnectorProcess.start(
    {
      REDIS_URL: redis.url,
      ...fluent.environment,
      ...commercetools.environment,
      RECONCILE_INTERVAL: String(INTERVAL_SECONDS),
      ...environment,
    },
    (line) => lines.push(line),
  );
  processes.push(connector);
  return connector;
}

function addOrder(ref: string): string {
  commercetools.addOrder({ orderNumber: ref });
  return fluent.addOrder({ ref }).id;
}

/** Without overlap, nothing is found that happened before the first look. */
async function firstLook(): Promise<void> {
  await vi.waitFor(() => expect(fluent.requests.count('orders')).toBeGreaterThan(0), patience);
  // Its answer has been read when the next one is asked for.
  await vi.waitFor(() => expect(fluent.requests.count('orders')).toBeGreaterThan(1), patience);
}

async function expectAgreement(ref: string, status: string): Promise<void> {
  await vi.waitFor(() => expect(agrees(commercetools.order(ref), status)).toBe(true), patience);
}

describe('reconciliation', () => {
  it('finds an order whose webhook never came, and counts it', async () => {
    const connector = await startConnector();
    const id = addOrder('O_1');
    fluent.setStatus(id, 'BOOKED');
    await expectAgreement('O_1', 'BOOKED');
    await vi.waitFor(async () => expect(await connector.metric('reconcile_found_total')).toBe(1), patience);
    fluent.setStatus(id, 'COMPLETE');
    await expectAgreement('O_1', 'COMPLETE');
  });

  it('goes on after a restart where it had been, however long ago that was', async () => {
    const first = await startConnector({ RECONCILE_OVERLAP: '0' });
    await firstLook();
    const early = addOrder('O_1');
    fluent.setStatus(early, 'BOOKED');
    await expectAgreement('O_1', 'BOOKED');
    expect(await first.stop()).toBe(0);

    const late = addOrder('O_2');
    fluent.setStatus(late, 'BOOKED');
    // No overlap, and a new process: only the watermark knows that O_2 was not seen.
    await startConnector({ RECONCILE_OVERLAP: '0' });
    await expectAgreement('O_2', 'BOOKED');
  });

  it('asks once per interval, however many replicas there are', async () => {
    await Promise.all([startConnector(), startConnector(), startConnector()]);
    const startedAt = Date.now();
    await vi.waitFor(() => expect(fluent.requests.count('orders')).toBeGreaterThan(3), patience);
    const looks = fluent.requests.count('orders');
    expect(looks).toBeLessThanOrEqual((Date.now() - startedAt) / (INTERVAL_SECONDS * 1000) + 3);
  });

  it('looks although the last look was noted by a clock that ran ahead', async () => {
    const state = new Redis(redis.url);
    await state.set('{fluent-connector}:reconciliation:last-look', Date.now() + 86_400_000);
    state.disconnect();
    await startConnector();
    await vi.waitFor(() => expect(fluent.requests.count('orders')).toBeGreaterThan(0), patience);
  });

  it('leaves alone what is not in commercetools or belongs to others', async () => {
    const connector = await startConnector();
    fluent.addOrder({ ref: 'IN_STORE' });
    commercetools.addOrder({ orderNumber: 'FOREIGN' });
    fluent.addOrder({ ref: 'FOREIGN', retailerId: '2', status: 'BOOKED' });
    const id = addOrder('O_1');
    fluent.setStatus(id, 'BOOKED');
    await expectAgreement('O_1', 'BOOKED');
    await vi.waitFor(
      () => expect(lines.some((line) => line['entityRef'] === 'IN_STORE')).toBe(true),
      patience,
    );
    expect(lines.filter((line) => line['entityRef'] === 'IN_STORE')).toMatchObject([
      { outcome: 'unchanged' },
    ]);
    expect(lines.filter((line) => line['entityRef'] === 'FOREIGN')).toEqual([]);
    expect(commercetools.order('FOREIGN')?.orderState).toBe('Open');
    expect(await connector.metric('queue_jobs', 'dead')).toBe(0);
  });

  it('does not settle the webhook of an order that commercetools does not have yet', async () => {
    const connector = await startConnector({
      RETRY_BASE_DELAY: '4000',
      RETRY_MAX_DELAY: '4000',
      LOOK_AGAIN_DELAY: '100',
    });
    await firstLook();
    const id = fluent.addOrder({ ref: 'LATE' }).id;
    fluent.webhookUrl = connector.webhookUrl;
    expect((await fluent.move(id, 'BOOKED')).result).toBe('accepted');
    const outcomes = () =>
      lines.filter((line) => line['entityRef'] === 'LATE').map((line) => String(line['outcome']));
    await vi.waitFor(
      () => expect(outcomes()).toEqual(expect.arrayContaining(['retried', 'unchanged'])),
      patience,
    );
    commercetools.addOrder({ orderNumber: 'LATE' });
    await expectAgreement('LATE', 'BOOKED');
    expect(outcomes()).not.toContain('superseded');
  });

  it('keeps the watermark while Fluent cannot be asked', async () => {
    await startConnector({ RECONCILE_OVERLAP: '0', HTTP_CLIENT_TIMEOUT: '300' });
    await firstLook();
    const first = addOrder('O_1');
    fluent.setStatus(first, 'BOOKED');
    await expectAgreement('O_1', 'BOOKED');
    fluent.faults.set({ kind: 'error', operation: 'orders' });
    const second = addOrder('O_2');
    fluent.setStatus(second, 'BOOKED');
    await vi.waitFor(() => expect(fluent.faults.triggered('error')).toBeGreaterThan(1), patience);
    expect(agrees(commercetools.order('O_2'), 'BOOKED')).toBe(false);
    fluent.faults.clear();
    await expectAgreement('O_2', 'BOOKED');
  });
});
