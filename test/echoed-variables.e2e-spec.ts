import { Redis } from 'ioredis';
import { expect, vi } from 'vitest';
import { ADMIN_TOKEN, AdminClient } from './support/admin-client.js';
import type { ConnectorProcess } from './support/connector-process.js';
import { type Harness, createIt } from './support/harness.js';
import { type ReceivedRequest, type Reply, startLocalServer } from './support/local-server.js';
import { WAIT } from './support/wait.js';

const EMAIL = 'jo.doe+shop@customer.example';
const PHONE = '+49 (170) 555-0199';
const DIGITS = 491_705_550_199;
const TOKEN = 'tok_live_51HqW2eZvKY"lo2C';
const CUSTOMER = {
  email: EMAIL,
  contact: { phones: [PHONE, DIGITS] },
  paymentToken: TOKEN,
  lastName: 'Doeling',
};

const NEVER_SHOWN = [EMAIL, PHONE, String(DIGITS), TOKEN, CUSTOMER.lastName].flatMap((text) => [
  text,
  encodeURIComponent(text),
  JSON.stringify(text).slice(1, -1),
  Buffer.from(text).toString('base64').replace(/=+$/, ''),
]);

/** How GraphQL servers quote variables in their errors. */
const ANSWERS: Record<string, (variables: Record<string, unknown>) => Reply> = {
  'graphql-js': (variables) =>
    refused(`Variable "$input" got invalid value ${JSON.stringify(variables)}; Field "x" is not defined.`),
  Sangria: (variables) =>
    refused(
      `Variable '$input' expected value of type 'T!' but got: ${JSON.stringify(variables)}. Reason: x is unknown`,
    ),
  'graphql-java': (variables) =>
    refused(`Variable 'input' has an invalid value: ${JSON.stringify(variables)}`),
  'single values': () =>
    refused(`the e-mail ${EMAIL}, the phone ${PHONE} and ${DIGITS} of Doeling: token ${TOKEN}`),
  'a code': () => ({
    status: 400,
    json: { errors: [{ message: 'failed', extensions: { code: `taken:${EMAIL}:${PHONE}` } }] },
  }),
  'an encoded value': () =>
    refused(
      `bad: ${encodeURIComponent(EMAIL)} ${Buffer.from(PHONE).toString('base64')} ${JSON.stringify(TOKEN)}`,
    ),
  'a REST error': () => ({
    status: 500,
    json: { error: 'General', message: `no mail to ${EMAIL}, ${PHONE}` },
  }),
};

function refused(message: string): Reply {
  return { status: 400, json: { errors: [{ message, extensions: { variables: CUSTOMER } }] } };
}

function variablesOf({ body }: ReceivedRequest): Record<string, unknown> {
  return (JSON.parse(body) as { variables: Record<string, unknown> }).variables;
}

/** Everything that an operator, a scraper, a tracing system, or somebody who reads Redis gets to see. */
async function shownBy(
  { lines }: Harness,
  { managementUrl, output }: ConnectorProcess,
  redisUrl: string,
  traces: readonly ReceivedRequest[],
): Promise<string> {
  const admin = new AdminClient(managementUrl);
  const texts: unknown[] = [lines, output, traces.map(({ body }) => body)];
  for (const path of ['/metrics', '/health']) texts.push(await (await fetch(managementUrl + path)).text());
  texts.push(await admin.get('/dead-letters'), await admin.get('/orders/O_1'));
  const redis = new Redis(redisUrl);
  try {
    for (const key of await redis.keys('*')) {
      const type = await redis.type(key);
      if (type === 'hash') texts.push(await redis.hgetall(key));
      if (type === 'list') texts.push(await redis.lrange(key, 0, -1));
      if (type === 'stream') texts.push(await redis.xrange(key, '-', '+'));
      if (type === 'zset') texts.push(await redis.zrange(key, 0, -1));
    }
  } finally {
    redis.disconnect();
  }
  // Some of it is JSON within JSON.
  const once = JSON.stringify(texts);
  const twice = once.replaceAll(/\\(["\\])/g, '$1');
  return [once, twice, twice.replaceAll(/\\(["\\])/g, '$1')].join('\n');
}

const it = createIt();
it.override('environment', {
  ADMIN_TOKEN,
  CUSTOMER: JSON.stringify(CUSTOMER),
  RETRY_MAX_AGE: '0',
  LOG_LEVEL: 'trace',
  OTEL_EXPORTER_OTLP_PROTOCOL: 'http/json',
  OTEL_BSP_SCHEDULE_DELAY: '100',
});

it(
  'a failed call to Fluent, to commercetools or by a library shows nothing of what it sent about a customer',
  { timeout: 180_000 },
  async ({ harness, redis }) => {
    let answer: (variables: Record<string, unknown>) => Reply = () => ({});
    await using upstream = await startLocalServer((request) =>
      request.path.endsWith('/oauth/token')
        ? { json: { access_token: 'issued', expires_in: 1000 } }
        : answer(variablesOf(request)),
    );
    await using collector = await startLocalServer(() => ({ json: {} }));
    const connector = await harness.startConnector(
      {
        FLUENT_BASE_URL: upstream.url,
        CTP_API_URL: upstream.url,
        CTP_AUTH_URL: upstream.url,
        OTEL_EXPORTER_OTLP_ENDPOINT: collector.url,
      },
      { command: [process.execPath, 'test/support/customer-app.mjs'], cwd: process.cwd() },
    );
    const id = harness.addOrder('O_1');
    const died = async (): Promise<number> => connector.metric('queue_jobs', 'state="dead"');
    const untilDead = async (name: string): Promise<void> => {
      const before = await died();
      await harness.fluent.notify(id, { name });
      await vi.waitFor(async () => expect(await died()).toBe(before + 1), WAIT);
    };
    for (const name of ['customer.fluent', 'customer.commercetools']) {
      for (const next of Object.values(ANSWERS)) {
        answer = next;
        await untilDead(name);
      }
    }
    // Its errors hold the request.
    await untilDead('customer.library');
    await vi.waitFor(() => expect(JSON.stringify(collector.requests)).toContain('error.type'), WAIT);
    expect(harness.lines).toContainEqual(
      expect.objectContaining({ msg: 'asking the CRM', notificationId: expect.any(String) as string }),
    );
    const shown = await shownBy(harness, connector, redis.url, collector.requests);
    for (const system of ['Fluent', 'commercetools'])
      expect(shown).toMatch(new RegExp(`${system}[^"]* was answered with HTTP 400`));
    expect(shown).toContain('POST https://crm.example failed for [redacted]');
    expect(NEVER_SHOWN.filter((text) => shown.includes(text))).toEqual([]);
  },
);
