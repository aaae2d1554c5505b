import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { CommercetoolsEmulator, FluentEmulator, PrivateRedis, signWebhook } from '../src/testing/index.js';
import { ConnectorProcess, freePort, type LogLine } from './support/connector-process.js';
import { type LocalServer, startLocalServer } from './support/local-server.js';

const patience = { timeout: 20_000, interval: 50 };
const TRACE_ID = '4bf92f3577b34da6a3ce929d0e0e4736';
const CALLER_SPAN_ID = '00f067aa0ba902b7';

let redis: PrivateRedis;
let fluent: FluentEmulator;
let commercetools: CommercetoolsEmulator;
let collector: LocalServer;
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
  collector = await startLocalServer(() => ({ json: {} }));
  fluent.useReferenceMappings();
});
afterEach(async () => {
  for (const connector of processes.splice(0)) await connector.kill();
  await Promise.all([fluent.stop(), commercetools.stop(), collector[Symbol.asyncDispose]()]);
});

async function startConnector(environment: Record<string, string>): Promise<ConnectorProcess> {
  const connector = await ConnectorProcess.start(
    {
      REDIS_URL: redis.url,
      ...fluent.environment,
      ...commercetools.environment,
      RECONCILE_INTERVAL: '0',
      RETRY_BASE_DELAY: '50',
      LOG_LEVEL: 'debug',
      ...environment,
    },
    (line) => lines.push(line),
  );
  processes.push(connector);
  return connector;
}

const exporting = (): Record<string, string> => ({
  OTEL_EXPORTER_OTLP_ENDPOINT: collector.url,
  OTEL_EXPORTER_OTLP_PROTOCOL: 'http/json',
  OTEL_BSP_SCHEDULE_DELAY: '100',
});

/** Sends one signed webhook about a new order, as a gateway in front would that takes part in tracing. */
async function sendWebhook(connector: ConnectorProcess): Promise<Response> {
  commercetools.addOrder({ orderNumber: 'O_1' });
  const { id: entityId } = fluent.addOrder({ ref: 'O_1', status: 'BOOKED' });
  const body = JSON.stringify({
    id: 'notification-1',
    name: 'fc.connect.order.webhook.order-status-update',
    accountId: fluent.accountId,
    retailerId: fluent.retailerId,
    entityId,
    entityRef: 'O_1',
    entityType: 'ORDER',
    attributes: { email: 'jane@example.org' },
  });
  return fetch(connector.webhookUrl, {
    method: 'POST',
    body,
    headers: {
      'content-type': 'application/json',
      traceparent: `00-${TRACE_ID}-${CALLER_SPAN_ID}-01`,
      baggage: 'customer=jane',
      ...signWebhook(body, fluent.webhookKeys.privateKey),
    },
  });
}

interface Span {
  traceId: string;
  spanId: string;
  parentSpanId?: string;
  name: string;
  kind: number;
  status: { code: number };
  attributes: { key: string; value: { stringValue?: string; intValue?: number } }[];
}

/** What the collector has been sent so far. */
function spans(): Span[] {
  return collector.requests
    .filter((request) => request.path === '/v1/traces')
    .flatMap(({ body }) => {
      const { resourceSpans } = JSON.parse(body) as {
        resourceSpans: { scopeSpans: { spans: Span[] }[] }[];
      };
      return resourceSpans.flatMap(({ scopeSpans }) => scopeSpans.flatMap((scope) => scope.spans));
    });
}

function attribute(span: Span | undefined, key: string): string | number | undefined {
  const value = span?.attributes.find((each) => each.key === key)?.value;
  return value?.stringValue ?? value?.intValue;
}

/** Names from the root of the trace to the span. */
function path(span: Span | undefined): string[] {
  if (!span) return [];
  return [...path(spans().find(({ spanId }) => spanId === span.parentSpanId)), span.name];
}

describe('tracing', () => {
  it('tells webhook, queue, both runs, handler, calls and mutation as one trace, and log lines name it', async () => {
    const connector = await startConnector(exporting());
    // The first run fails at its mutation.
    let failures = 1;
    const release = commercetools.intercept(async ({ mutation }) => {
      if (mutation && failures-- > 0) throw new Error('broken once');
    });
    expect((await sendWebhook(connector)).status).toBe(200);
    await vi.waitFor(() => expect(lines.some(({ outcome }) => outcome === 'updated')).toBe(true), patience);
    release();
    const named = (name: string): Span[] => spans().filter((span) => span.name === name);
    await vi.waitFor(() => expect(named('process notifications')).toHaveLength(2), patience);

    expect(new Set(spans().map(({ traceId }) => traceId))).toEqual(new Set([TRACE_ID]));
    expect(named('webhook')).toMatchObject([{ parentSpanId: CALLER_SPAN_ID, kind: 2 }]);
    const run = ['webhook', 'send notifications', 'process notifications'];
    expect(named('process notifications').map(path)).toEqual([run, run]);
    const outcomes = named('process notifications').map((span) => [
      attribute(span, 'fluent_connector.attempt'),
      attribute(span, 'fluent_connector.outcome'),
      span.status.code === 2,
    ]);
    expect(outcomes).toEqual([
      [1, 'retried', true],
      [2, 'updated', false],
    ]);

    const calls = spans().filter(({ kind }) => kind === 3);
    const handled = [...run, 'OrderStatusHandler'];
    for (const call of calls) expect(path(call).slice(0, -1)).toEqual(handled);
    const targets = new Set(calls.map((call) => attribute(call, 'fluent_connector.target')));
    expect(targets).toEqual(
      new Set([
        `fluent:${fluent.accountId}`,
        `commercetools:${commercetools.environment['CTP_PROJECT_KEY']}`,
      ]),
    );
    const mutations = calls.filter((call) => attribute(call, 'graphql.operation.type') === 'mutation');
    expect(mutations.map((call) => attribute(call, 'fluent_connector.outcome')).at(-1)).toBe('ok');
    expect(mutations).toHaveLength(2);

    const ofWebhook = lines.filter(({ notificationId }) => notificationId === 'notification-1');
    expect(ofWebhook.map((line) => line['status'] ?? line['outcome'])).toEqual(
      expect.arrayContaining(['accepted', 'retried', 'updated']),
    );
    expect(new Set(ofWebhook.map((line) => line['trace_id']))).toEqual(new Set([TRACE_ID]));

    const sent = collector.requests.map(({ body }) => body).join('\n');
    expect(sent).not.toMatch(/jane|O_1/);
    expect(sent).toContain('"fluent-commercetools-connector"');
  });

  it('sends what is left when it ends, as protobuf unless told otherwise', async () => {
    const connector = await startConnector({
      OTEL_TRACES_EXPORTER: 'otlp',
      OTEL_EXPORTER_OTLP_ENDPOINT: collector.url,
      OTEL_BSP_SCHEDULE_DELAY: '60000',
    });
    await sendWebhook(connector);
    await vi.waitFor(() => expect(lines.some(({ outcome }) => outcome === 'updated')).toBe(true), patience);
    expect(collector.requests).toEqual([]);
    expect(await connector.stop()).toBe(0);
    expect(collector.requests.map(({ headers }) => headers['content-type'])).toEqual([
      'application/x-protobuf',
    ]);
  });

  it('works and ends as usual while the collector is away', async () => {
    const nowhere = `http://127.0.0.1:${await freePort()}`;
    const connector = await startConnector({ ...exporting(), OTEL_EXPORTER_OTLP_ENDPOINT: nowhere });
    expect((await sendWebhook(connector)).status).toBe(200);
    await vi.waitFor(() => expect(lines.some(({ outcome }) => outcome === 'updated')).toBe(true), patience);
    const stoppedAt = performance.now();
    expect(await connector.stop()).toBe(0);
    expect(performance.now() - stoppedAt).toBeLessThan(8000);
    expect(lines.filter(({ msg }) => String(msg).startsWith('OpenTelemetry')).length).toBeLessThanOrEqual(1);
  });

  it.each<[string, () => Record<string, string>]>([
    ['no variable asks for it', () => ({})],
    ['it is switched off', () => ({ ...exporting(), OTEL_SDK_DISABLED: 'true' })],
  ])('loads and sends nothing while %s', async (_case, environment) => {
    const dir = mkdtempSync(join(tmpdir(), 'fluent-connector-loaded-'));
    const file = join(dir, 'loaded.json');
    try {
      const connector = await startConnector({
        ...environment(),
        NODE_OPTIONS: `--require ${join(import.meta.dirname, 'support/loaded-packages.cjs')}`,
        LOADED_PACKAGES_FILE: file,
      });
      expect((await sendWebhook(connector)).status).toBe(200);
      await vi.waitFor(() => expect(lines.some(({ outcome }) => outcome === 'updated')).toBe(true), patience);
      expect(await connector.stop()).toBe(0);
      expect(collector.requests).toEqual([]);
      expect(lines.some((line) => 'trace_id' in line)).toBe(false);
      const loaded = JSON.parse(readFileSync(file, 'utf8')) as string[];
      // The API alone, which does nothing by itself.
      expect(loaded.filter((each) => !each.includes('@opentelemetry/api/'))).toEqual([]);
    } finally {
      rmSync(dir, { recursive: true });
    }
  });
});
