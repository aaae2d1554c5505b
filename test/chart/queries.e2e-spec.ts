import { readFileSync } from 'node:fs';
import { Redis } from 'ioredis';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { parse } from 'yaml';
import { CommercetoolsEmulator, FluentEmulator, PrivateRedis } from '../../src/testing/index.js';
import { agrees } from '../support/agreement.js';
import { ConnectorProcess } from '../support/connector-process.js';
import { CHART } from './chart-tools.js';
import type { Manifest } from './manifests.js';
import { queriedSeries } from './promql.js';

/** Labels that Prometheus adds to every series of a pod. */
const TARGET_LABELS = ['namespace', 'job', 'pod'];

const alertQueries: Array<[string, string]> = parse(
  readFileSync(`${CHART}/files/alerts.yaml`, 'utf8'),
).groups.flatMap(({ rules }: Manifest) => rules.map(({ alert, expr }: Manifest) => [alert, expr]));
const dashboard: Manifest = JSON.parse(readFileSync(`${CHART}/files/dashboard.json`, 'utf8'));
const panelQueries: Array<[string, string]> = dashboard.panels.flatMap(({ title, targets }: Manifest) =>
  targets.map(({ expr, refId }: Manifest) => [`${title} ${refId}`, expr]),
);
const variableQueries: Array<[string, string, string]> = dashboard.templating.list
  .filter(({ type }: Manifest) => type === 'query')
  .map(({ name, query }: Manifest) => {
    const [, selector, label] = /^label_values\((.*), (\w+)\)$/.exec(query.query) ?? [];
    return [name, selector, label];
  });

let redis: PrivateRedis;
let fluent: FluentEmulator;
let commercetools: CommercetoolsEmulator;
/** By metric, by label: the values seen. */
let exposed: Map<string, Map<string, Set<string>>>;

beforeAll(async () => {
  redis = await PrivateRedis.start({ aof: true });
  fluent = await new FluentEmulator().start();
  // Before the start: a setting that a check at the start does not find is read again only seconds later.
  fluent.useReferenceMappings();
  commercetools = await new CommercetoolsEmulator().start();
  const environment = {
    REDIS_URL: redis.url,
    ...fluent.environment,
    ...commercetools.environment,
    ...commercetools.messagesEnvironment,
    RECONCILE_INTERVAL: '1',
    RETRY_BASE_DELAY: '50',
    RETRY_MAX_DELAY: '500',
  };
  const connector = await ConnectorProcess.start(environment);
  try {
    fluent.webhookUrl = connector.webhookUrl;
    commercetools.addOrder({ orderNumber: 'O_1' });
    // Outcomes of calls that are counted from their first occurrence.
    commercetools.faults.set({ kind: 'expired-token', times: 1 });
    commercetools.faults.set({ kind: 'html', status: 404, times: 1, operation: 'graphql' });
    const { id } = fluent.addOrder({ ref: 'O_1' });
    await fluent.notify(id, { name: 'order.status-updat' });
    await fluent.walk(id, ['BOOKED']);
    await vi.waitFor(() => expect(agrees(commercetools.order('O_1'), 'BOOKED')).toBe(true), 30_000);
    const scrape = async () => read(await (await fetch(`${connector.url}/metrics`)).text());
    await vi.waitFor(async () => {
      exposed = await scrape();
      for (const suffix of ['sync_lag_seconds_count', 'reconcile_watermark_age_seconds']) {
        expect([...exposed.keys()]).toContain(`fluent_connector_${suffix}`);
      }
      expect(await connector.metric('sync_lag_seconds_count')).toBeGreaterThanOrEqual(1);
    }, 20_000);
  } finally {
    await connector.stop();
  }
});
afterAll(async () => {
  await Promise.all([fluent?.stop(), commercetools?.stop(), redis?.stop()]);
});

function read(text: string): typeof exposed {
  const metrics: typeof exposed = new Map();
  for (const [, name = '', labels = ''] of text.matchAll(/^(\w+)(?:\{(.*)\})? \S+$/gm)) {
    const known = metrics.get(name) ?? new Map<string, Set<string>>();
    metrics.set(name, known);
    for (const [, label = '', value = ''] of labels.matchAll(/(\w+)="([^"]*)"/g)) {
      known.set(label, (known.get(label) ?? new Set()).add(value));
    }
  }
  return metrics;
}

function expectExposed(query: string): void {
  const { metrics, matchers, groupings } = queriedSeries(query);
  for (const metric of metrics) expect([...exposed.keys()]).toContain(metric);
  for (const { metric, label, operator, value } of matchers) {
    if (TARGET_LABELS.includes(label)) continue;
    const values = exposed.get(metric)?.get(label);
    expect([...(exposed.get(metric)?.keys() ?? [])], metric).toContain(label);
    const wanted = operator.includes('~') ? value.split('|') : [value];
    for (const one of wanted.filter((each) => !each.startsWith('$'))) expect([...values!]).toContain(one);
  }
  const labels = metrics.flatMap((metric) => [...(exposed.get(metric)?.keys() ?? [])]);
  for (const label of groupings) expect([...labels, ...TARGET_LABELS]).toContain(label);
}

describe('what /metrics exposes', () => {
  it.each(alertQueries)('has everything that the alert %s asks for', (_name, query) => {
    expectExposed(query);
  });

  it.each(panelQueries)('has everything that the dashboard asks for: %s', (_name, query) => {
    expectExposed(query);
  });

  it.each(variableQueries)('has what the dashboard chooses from: %s', (_name, selector, label) => {
    const { metrics } = queriedSeries(selector);
    expect([...exposed.keys()]).toContain(metrics[0]);
    expect([...(exposed.get(metrics[0] ?? '')?.keys() ?? []), ...TARGET_LABELS]).toContain(label);
  });

  it('has everything that KEDA asks Prometheus for', () => {
    const [, query = ''] =
      /query: (max\(.*\))$/m.exec(readFileSync(`${CHART}/templates/scaling.yaml`, 'utf8')) ?? [];
    expectExposed(query.replace(/\{\{[^}]*\}\}/g, '"x"'));
  });

  it.each([
    ['a metric that is not there', 'rate(fluent_connector_webhook_total[5m])'],
    ['a label that is not there', 'fluent_connector_webhooks_total{status="accepted"}'],
    ['a value that never occurs', 'fluent_connector_webhooks_total{outcome="unauthorised"}'],
    ['a grouping that is not there', 'sum by (retailer) (fluent_connector_webhooks_total)'],
    ['a syntax error', 'sum by (job (fluent_connector_webhooks_total)'],
  ])('is checked well enough to find %s', (_name, query) => {
    expect(() => expectExposed(query)).toThrow(/to include|syntax error/);
  });
});

it('the sorted set whose size KEDA asks Redis for holds the unfinished notifications', async () => {
  const [, list = ''] =
    /listName: '(.*)'/.exec(readFileSync(`${CHART}/templates/scaling.yaml`, 'utf8')) ?? [];
  const ingress = await ConnectorProcess.start({
    REDIS_URL: redis.url,
    ...fluent.environment,
    ...commercetools.environment,
    CONNECTOR_ROLE: 'ingress',
  });
  const client = new Redis(redis.url);
  try {
    fluent.webhookUrl = ingress.webhookUrl;
    const before = await client.zcard(list);
    await fluent.walk(fluent.addOrder({ ref: 'O_2' }).id, ['BOOKED']);
    expect(await ingress.metric('queue_jobs', 'state="waiting"')).toBe(1);
    // KEDA's scaler asks for the type first, and then ZCARD.
    expect(await client.type(list)).toBe('zset');
    expect(await client.zcard(list)).toBe(before + 1);
  } finally {
    client.disconnect();
    await ingress.stop();
  }
});
