import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, vi } from 'vitest';
import { signWebhook } from '../src/testing/index.js';
import { freePort } from '../src/testing/free-port.js';
import { BUILD, type ConnectorProcess } from './support/connector-process.js';
import type { LogLine } from './support/running-connector.js';
import { type Harness, createIt } from './support/harness.js';
import { type LocalServer, startLocalServer } from './support/local-server.js';
import { WAIT } from './support/wait.js';

const TRACE_ID = '4bf92f3577b34da6a3ce929d0e0e4736';
const CALLER_SPAN_ID = '00f067aa0ba902b7';

const base = createIt();
base.override('environment', { RETRY_BASE_DELAY: '50', LOG_LEVEL: 'debug' });

const it = base.extend('collector', async ({}, { onCleanup }) => {
  const collector = await startLocalServer(() => ({ json: {} }));
  onCleanup(() => collector[Symbol.asyncDispose]());
  return collector;
});

const exporting = (endpoint: string): Record<string, string> => ({
  OTEL_EXPORTER_OTLP_ENDPOINT: endpoint,
  OTEL_EXPORTER_OTLP_PROTOCOL: 'http/json',
  OTEL_BSP_SCHEDULE_DELAY: '100',
});

/** Sends one signed webhook about a new order, as a gateway in front would that takes part in tracing. */
async function sendWebhook(
  { fluent, commercetools }: Harness,
  connector: ConnectorProcess,
): Promise<Response> {
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
function spansOf({ requests }: LocalServer): Span[] {
  return requests
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
function path(spans: readonly Span[], span: Span | undefined): string[] {
  if (!span) return [];
  const parent = spans.find(({ spanId }) => spanId === span.parentSpanId);
  return [...path(spans, parent), span.name];
}

/** Waits until the order's notification has its outcome. */
async function untilUpdated(lines: readonly LogLine[]): Promise<void> {
  await vi.waitFor(() => expect(lines.some(({ outcome }) => outcome === 'updated')).toBe(true), WAIT);
}

describe('tracing', () => {
  it('joins webhook, queue, both runs, handler and calls in one trace, which log lines name', async ({
    harness,
    collector,
  }) => {
    const { fluent, commercetools, lines } = harness;
    const connector = await harness.startConnector(exporting(collector.url));
    // The first run fails at its mutation.
    let failures = 1;
    const release = commercetools.intercept(async ({ mutation }) => {
      if (mutation && failures-- > 0) throw new Error('broken once');
    });
    expect((await sendWebhook(harness, connector)).status).toBe(200);
    await untilUpdated(harness.lines);
    release();
    const named = (name: string): Span[] => spansOf(collector).filter((span) => span.name === name);
    await vi.waitFor(() => expect(named('process notifications')).toHaveLength(2), WAIT);

    const spans = spansOf(collector).filter(({ traceId }) => traceId === TRACE_ID);
    // Beside them are only the calls to Fluent with which the start checks the mappings.
    const others = spansOf(collector).filter(({ traceId }) => traceId !== TRACE_ID);
    for (const { kind, name } of others) expect(kind, name).toBe(3);
    expect(named('webhook')).toMatchObject([{ parentSpanId: CALLER_SPAN_ID, kind: 2 }]);
    const run = ['webhook', 'send notifications', 'process notifications'];
    expect(named('process notifications').map((span) => path(spans, span))).toEqual([run, run]);
    const outcomes = named('process notifications').map((span) => [
      attribute(span, 'fluent_connector.attempt'),
      attribute(span, 'fluent_connector.outcome'),
      span.status.code === 2,
    ]);
    expect(outcomes).toEqual([
      [1, 'retried', true],
      [2, 'updated', false],
    ]);

    const calls = spans.filter(({ kind }) => kind === 3);
    const handled = [...run, 'OrderStatusHandler'];
    for (const call of calls) expect(path(spans, call).slice(0, -1)).toEqual(handled);
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

  it('sends the remaining spans when the connector stops, as protobuf by default', async ({
    harness,
    collector,
  }) => {
    const connector = await harness.startConnector({
      OTEL_TRACES_EXPORTER: 'otlp',
      OTEL_EXPORTER_OTLP_ENDPOINT: collector.url,
      OTEL_BSP_SCHEDULE_DELAY: '60000',
    });
    await sendWebhook(harness, connector);
    await untilUpdated(harness.lines);
    expect(collector.requests).toEqual([]);
    expect(await connector.stop()).toBe(0);
    expect(collector.requests.map(({ headers }) => headers['content-type'])).toEqual([
      'application/x-protobuf',
    ]);
  });

  it.for(['is away', 'never answers'])(
    'does not disturb the connector or its end while the collector %s',
    async (trouble, { harness, collector }) => {
      const { lines } = harness;
      collector.respond = () => () => undefined;
      const endpoint = trouble === 'is away' ? `http://127.0.0.1:${await freePort()}` : collector.url;
      // An end that waited for the collector would take longer than this test may.
      const patient = { OTEL_EXPORTER_OTLP_TIMEOUT: '300000', OTEL_BSP_EXPORT_TIMEOUT: '300000' };
      const connector = await harness.startConnector({ ...exporting(endpoint), ...patient });
      expect((await sendWebhook(harness, connector)).status).toBe(200);
      await untilUpdated(lines);
      expect(await connector.stop()).toBe(0);
      const complaints = lines.filter(({ msg }) => String(msg).startsWith('OpenTelemetry'));
      expect(complaints.length).toBeLessThanOrEqual(1);
    },
  );

  it.for<[string, (endpoint: string) => Record<string, string>]>([
    ['no variable asks for it', () => ({})],
    ['OTEL_SDK_DISABLED is true', (endpoint) => ({ ...exporting(endpoint), OTEL_SDK_DISABLED: 'true' })],
  ])('loads and sends nothing while %s', async ([, environment], { harness, collector }) => {
    const { lines } = harness;
    const dir = mkdtempSync(join(tmpdir(), 'fluent-connector-loaded-'));
    const file = join(dir, 'loaded.json');
    try {
      const reporting = {
        NODE_OPTIONS: `--require ${join(import.meta.dirname, 'support/loaded-packages.cjs')}`,
        LOADED_PACKAGES_FILE: file,
      };
      const connector = await harness.startConnector({ ...environment(collector.url), ...reporting }, BUILD);
      expect((await sendWebhook(harness, connector)).status).toBe(200);
      await untilUpdated(harness.lines);
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
