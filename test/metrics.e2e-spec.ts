import { describe, expect, vi } from 'vitest';
import { signWebhook } from '../src/testing/index.js';
import { type Harness, createIt } from './support/harness.js';
import { hasPromtool, promtool, requirePromtoolInCi } from './support/promtool.js';
import type { RunningConnector } from './support/running-connector.js';

/** More than the series that are allowed, see below. */
const MANY = 300;
const BUILT_IN = 'fc.connect.order.webhook.order-status-update';
const WAIT = { timeout: 120_000, interval: 100 };

requirePromtoolInCi();

const it = createIt();
it.override('environment', { RETRY_BASE_DELAY: '600000', LOG_LEVEL: 'silent' });

let serial = 0;
async function send(
  { fluent }: Harness,
  to: RunningConnector,
  fields: Record<string, unknown>,
): Promise<number> {
  const body = JSON.stringify({
    id: `metrics-${++serial}`,
    name: BUILT_IN,
    accountId: fluent.accountId,
    retailerId: fluent.retailerId,
    entityId: '1',
    entityRef: 'O_1',
    entityType: 'ORDER',
    ...fields,
  });
  const headers = { 'content-type': 'application/json', ...signWebhook(body, fluent.webhookKeys.privateKey) };
  const answer = await fetch(to.webhookUrl, { method: 'POST', body, headers });
  await answer.arrayBuffer();
  return answer.status;
}

/** Sends {@link MANY} webhooks, a bounded number at once. @returns how often each status was answered. */
async function sendMany(
  harness: Harness,
  to: RunningConnector,
  fields: (index: number) => Record<string, unknown>,
): Promise<Record<number, number>> {
  const statuses: Record<number, number> = {};
  let next = 0;
  const sender = async (): Promise<void> => {
    while (next < MANY) {
      const status = await send(harness, to, fields(next++));
      statuses[status] = (statuses[status] ?? 0) + 1;
    }
  };
  await Promise.all(Array.from({ length: 20 }, sender));
  return statuses;
}

async function scrape(connector: RunningConnector): Promise<string> {
  return (await fetch(`${connector.url}/metrics`)).text();
}

function seriesOf(text: string): string[] {
  return text.split('\n').filter((line) => line !== '' && !line.startsWith('#'));
}

/** The values that a label has in the series of a metric. */
function valuesOf(text: string, metric: string, label: string): string[] {
  const lines = seriesOf(text).filter((line) => line.startsWith(`fluent_connector_${metric}{`));
  return [...new Set(lines.map((line) => new RegExp(`${label}="([^"]*)"`).exec(line)?.[1] ?? ''))].sort();
}

/** Leads orders through statuses, with and without success, so that every metric has a value. */
async function fill(harness: Harness, connector: RunningConnector): Promise<void> {
  const { fluent, commercetools } = harness;
  const ids = harness.addOrders(20);
  for (const id of ids) fluent.setStatus(id, 'BOOKED');
  commercetools.faults.set({ kind: 'conflict', probability: 0.5, seed: 3 });
  await Promise.all(
    ids.map((entityId, index) => send(harness, connector, { entityId, entityRef: `O_${index}` })),
  );
  await send(harness, connector, { entityId: 'not-there' });
  await vi.waitFor(
    async () => expect(await connector.metric('notifications_total')).toBeGreaterThan(20),
    WAIT,
  );
}

describe('the /metrics endpoint', { timeout: 180_000 }, () => {
  it.skipIf(!hasPromtool)('passes `promtool check metrics`', async ({ harness }) => {
    const connector = await harness.startInProcess();
    await fill(harness, connector);
    const text = await scrape(connector);
    for (const metric of ['sync_lag_seconds_count', 'queue_jobs', 'conflicts_total', 'circuit_open'])
      expect(text).toContain(`fluent_connector_${metric}`);
    expect(promtool(['check', 'metrics'], text)).toEqual({ status: 0, output: '' });
    // It finds what it should find.
    expect(promtool(['check', 'metrics'], '# HELP a_total x\n# TYPE a_total gauge\na_total 1\n').status).toBe(
      3,
    );
  });

  it(`does not grow with ${MANY} names and ${MANY} accounts`, async ({ harness }) => {
    const names = Array.from({ length: MANY }, (_, index) => `partner.event.${index}`);
    const ingress = await harness.startInProcess({
      CONNECTOR_ROLE: 'ingress',
      ORDER_STATUS_EVENT_NAMES: [BUILT_IN, ...names].join(','),
    });
    // It knows neither the names nor the account of what it is given.
    const worker = await harness.startInProcess({ CONNECTOR_ROLE: 'worker', FLUENT_ACCOUNT_ID: 'ELSEWHERE' });

    expect(
      await sendMany(harness, ingress, (index) => ({ name: names[index], entityId: String(index) })),
    ).toEqual({
      200: MANY,
    });
    expect(await sendMany(harness, ingress, (index) => ({ name: `strange.${index}` }))).toEqual({
      200: MANY,
    });
    expect(await sendMany(harness, ingress, (index) => ({ accountId: `STRANGE_${index}` }))).toEqual({
      401: MANY,
    });
    await vi.waitFor(
      async () => expect(await worker.metric('notifications_total', 'retried')).toBeGreaterThanOrEqual(MANY),
      WAIT,
    );

    const atIngress = await scrape(ingress);
    expect(valuesOf(atIngress, 'webhooks_total', 'account')).toEqual(
      [harness.fluent.accountId, 'other'].sort(),
    );
    // The outcomes of configured accounts and of 'other' are there from the start.
    expect(valuesOf(atIngress, 'webhooks_total', 'outcome')).toEqual([
      'accepted',
      'duplicate',
      'ignored',
      'invalid',
      'unauthorized',
      'unavailable',
    ]);
    const unhandled = valuesOf(atIngress, 'unhandled_webhooks_total', 'name');
    expect(unhandled).toHaveLength(21);
    expect(unhandled).toContain('other');
    const atWorker = await scrape(worker);
    expect(valuesOf(atWorker, 'notifications_total', 'name')).toEqual(['other']);
    expect(valuesOf(atWorker, 'notifications_total', 'account')).toEqual(['other']);
    // Node's own metrics are a hundred.
    for (const text of [atIngress, atWorker]) expect(seriesOf(text).length).toBeLessThan(250);
  });

  it('costs less than 30 ms of CPU time per scrape', async ({ harness }) => {
    const connector = await harness.startConnector();
    await fill(harness, connector);
    const cpuSeconds = async (): Promise<number> => {
      const line = seriesOf(await scrape(connector)).find((each) =>
        each.startsWith('process_cpu_seconds_total '),
      );
      return Number(line?.split(' ')[1]);
    };
    // Unmeasured: compiles the path.
    for (let i = 0; i < 20; i++) await scrape(connector);
    const scrapes = 50;
    const before = await cpuSeconds();
    for (let i = 1; i < scrapes; i++) await scrape(connector);
    const costMs = (((await cpuSeconds()) - before) / scrapes) * 1000;
    expect(costMs).toBeGreaterThan(0);
    // Ten times what it takes.
    expect(costMs).toBeLessThan(30);
  });
});
