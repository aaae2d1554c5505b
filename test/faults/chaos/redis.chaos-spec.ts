import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { PrivateRedis } from '../../../src/testing/index.js';
import { agrees } from '../../support/agreement.js';
import type { ConnectorProcess } from '../../support/connector-process.js';
import { Harness, SHORT_WAITS, resentEvery100Ms } from '../../support/harness.js';
import { LOAD_DELAY, REDIS_FAULTS, WORKER_CONDITIONS, type WorkerCondition } from '../redis-faults.js';
import { report } from './report.js';

const ORDERS = 8;
const TEST_MS = 180_000;
const WAIT = { timeout: 90_000, interval: 50 };
/** In which the orders go on while Redis fails. */
const PAUSE_MS = [50, 250] as const;

const dir = mkdtempSync(join(tmpdir(), 'fluent-connector-chaos-'));
let redis: PrivateRedis;

beforeAll(async () => {
  redis = await PrivateRedis.start({ dir, args: LOAD_DELAY });
});
afterAll(async () => {
  await redis.stop();
  rmSync(dir, { recursive: true });
});

describe.each(WORKER_CONDITIONS)('while $name', { timeout: TEST_MS }, (condition) => {
  describe.each([false, true])('and reconciliation is %s', (reconciles) => {
    let harness: Harness;
    let accepting: ConnectorProcess;
    let other: ConnectorProcess;

    beforeAll(async () => {
      await redis.flush();
      harness = await Harness.start(resentEvery100Ms(600), {
        ...SHORT_WAITS,
        REDIS_URL: redis.url,
        RECONCILE_INTERVAL: reconciles ? '2' : '0',
      });
      other = await startOther(harness, condition);
      accepting = await harness.startConnector();
    });
    afterAll(() => harness.stop());

    it.each(REDIS_FAULTS.filter(({ losesData = false }) => losesData === reconciles))(
      'every order agrees after Redis had this fault: $name',
      async (fault) => {
        const started = performance.now();
        const faulty = { server: redis, dir };
        const { webhooks } = harness.fluent;
        const before = { ...webhooks.counts };
        const unavailable = await accepting.metric('webhooks_total', 'unavailable');
        const refs = Array.from(
          { length: ORDERS },
          (_, index) => `O_${harness.fluent.orders.length + index}`,
        );
        const walks = harness.walkAll(
          refs.map((ref) => harness.addOrder(ref)),
          PAUSE_MS,
        );
        await vi.waitFor(() => expect(webhooks.counts.accepted).toBeGreaterThan(before.accepted + 4), WAIT);

        await fault.begin(faulty);
        if (condition.happens === 'killed') await other.kill();
        if (condition.happens === 'stopped') process.kill(other.pid, 'SIGSTOP');
        const isTold = {
          ready: async () => (await accepting.status('/health')) === 503,
          webhooks: async () => (await accepting.metric('webhooks_total', 'unavailable')) > unavailable,
          none: async () => true,
        };
        await vi.waitFor(async () => expect(await isTold[fault.signal]()).toBe(true), WAIT);
        if (condition.happens === 'stopped') await longerThanTheLock();
        await fault.end(faulty);
        if (condition.happens === 'stopped') process.kill(other.pid, 'SIGCONT');
        if (condition.happens === 'killed') other = await startOther(harness, condition);

        await walks;
        await harness.expectAgreementOfAll();
        harness.expectNoStepBack();
        expect(webhooks.counts.failed).toBe(0);
        await vi.waitFor(async () => expect(await accepting.status('/health')).toBe(200), WAIT);
        expect(await accepting.metric('queue_jobs', 'dead')).toBe(0);
        // Both still work: neither has stopped, nor waits for a restart.
        for (const worker of [accepting, other]) await expectWorks(harness, worker, [accepting, other]);
        report('Redis', `${fault.name} while ${condition.name}`, performance.now() - started);
      },
    );
  });
});

async function startOther(
  harness: Harness,
  { environment = {} }: WorkerCondition,
): Promise<ConnectorProcess> {
  const { webhookUrl } = harness.fluent;
  const other = await harness.startConnector({ CONNECTOR_ROLE: 'worker', ...environment });
  harness.fluent.webhookUrl = webhookUrl;
  return other;
}

/** Its lock must have ended; what the time is counted from is the connector's own interval. */
function longerThanTheLock(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 2 * Number(SHORT_WAITS.QUEUE_LOCK_DURATION)));
}

/** Sends work until the worker has done some of it. */
async function expectWorks(
  harness: Harness,
  worker: ConnectorProcess,
  workers: readonly ConnectorProcess[],
): Promise<void> {
  const done = (each: ConnectorProcess): Promise<number> => each.metric('notifications_total');
  const before = await Promise.all(workers.map(done));
  const index = workers.indexOf(worker);
  await vi.waitFor(async () => {
    const ref = `O_${harness.fluent.orders.length}`;
    await harness.fluent.move(harness.addOrder(ref), 'BOOKED');
    await vi.waitFor(() => expect(agrees(harness.commercetools.order(ref), 'BOOKED')).toBe(true), WAIT);
    expect(await done(worker)).toBeGreaterThan(before[index] ?? 0);
  }, WAIT);
}
