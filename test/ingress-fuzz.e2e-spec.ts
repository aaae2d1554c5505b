import { connect } from 'node:net';
import * as fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { signedWebhooks } from '../bench/signed-webhooks.js';
import { PrivateRedis } from '../src/testing/private-redis.js';
import { generateWebhookKeys, signWebhook } from '../src/testing/webhook-signature.js';
import { COMPLETE_ENVIRONMENT } from './support/complete-environment.js';
import { ConnectorProcess } from './support/connector-process.js';
import type { LogLine } from './support/running-connector.js';

/** `FUZZ_SECONDS=1200 npm run fuzz` is the nightly run. A failure prints the seed that repeats it. */
const SECONDS = Number(process.env['FUZZ_SECONDS'] ?? 10);
const CLOSE_MS = 20_000;
const PATH = '/api/v1/fluent-connect/webhook';
const keys = generateWebhookKeys();
const stranger = generateWebhookKeys();

let redis: PrivateRedis;
let connector: ConnectorProcess;
const unexpected: LogLine[] = [];

beforeAll(async () => {
  redis = await PrivateRedis.start({ aof: false });
  connector = await ConnectorProcess.start(
    {
      ...COMPLETE_ENVIRONMENT,
      REDIS_URL: redis.url,
      CONNECTOR_ROLE: 'ingress',
      FLUENT_ACCOUNT_ID: 'ACME',
      FLUENT_WEBHOOK_PUBLIC_KEYS: keys.publicKey,
      RECONCILE_INTERVAL: '0',
    },
    (line) => {
      if (line['level'] === 'error' || line['level'] === 'fatal') unexpected.push(line);
    },
  );
});
afterAll(async () => {
  await connector?.stop();
  await redis?.stop();
});

/** @returns the status of every response on the connection. */
async function statusesOf(parts: readonly string[]): Promise<number[]> {
  const socket = connect(Number(new URL(connector.url).port), '127.0.0.1');
  let answer = '';
  socket.on('data', (chunk: Buffer) => (answer += chunk.toString('latin1')));
  socket.on('error', () => undefined);
  for (const part of parts) socket.write(part, 'latin1');
  socket.end();
  const timer = setTimeout(() => socket.destroy(new Error('late')), CLOSE_MS);
  await new Promise((resolve) => socket.once('close', resolve));
  clearTimeout(timer);
  return [...answer.matchAll(/HTTP\/1\.1 (\d{3})/g)].map(([, status]) => Number(status));
}

const method = fc.constantFrom(
  'POST',
  'POST',
  'POST',
  'GET',
  'PUT',
  'HEAD',
  'OPTIONS',
  'QUERY',
  'CONNECT',
  'x',
);
const path = fc.oneof(
  fc.constantFrom(
    PATH,
    PATH,
    PATH,
    '/',
    '*',
    '/:a(',
    '/%zz',
    '/%00',
    `${PATH}/`,
    `${PATH}?a=b`,
    '//',
    '/../admin',
    'http://a/metrics',
    '/__proto__',
  ),
  fc.webPath(),
  fc.string({ unit: 'binary', maxLength: 200 }),
);
const body = fc.oneof(
  fc.json({ maxDepth: 6 }),
  fc.constantFrom(
    '',
    '{',
    '['.repeat(5000),
    '{"accountId":"ACME","retailerId":"1"}',
    '{"__proto__":{"a":1}}',
    '\u0000',
  ),
  fc.string({ unit: 'binary', maxLength: 3000 }),
);
const header = fc.oneof(
  fc.constantFrom(
    'Content-Type: application/json',
    'Content-Type: text/plain',
    'Content-Type: application/json; charset=utf-16',
    'Content-Encoding: gzip',
    'Transfer-Encoding: chunked',
    'Transfer-Encoding: chunked, identity',
    'Content-Length: 1',
    'Content-Length: -1',
    'Content-Length: 99999999999999999999',
    'Expect: 100-continue',
    'Upgrade: websocket',
    'Connection: upgrade',
    'Authorization: Bearer a.b.c',
    'Fluent-Signature: AAAA',
    'flex.signature: AAAA',
    ' folded: header',
  ),
  fc
    .tuple(fc.string({ minLength: 1, maxLength: 30 }), fc.string({ unit: 'binary', maxLength: 300 }))
    .map(([a, b]) => `${a}: ${b}`),
);
/** A request of somebody without the key; sometimes signed with another one. */
const request = fc
  .record({
    method,
    path,
    headers: fc.array(header, { maxLength: 12 }),
    body,
    isSigned: fc.boolean(),
    cut: fc.nat(5000),
  })
  .map((given) => {
    const signature = given.isSigned
      ? [`Fluent-Signature: ${signWebhook(given.body, stranger.privateKey)['fluent-signature']}`]
      : [];
    const length = `Content-Length: ${Buffer.byteLength(given.body, 'latin1')}`;
    const head = [
      `${given.method} ${given.path} HTTP/1.1`,
      'Host: a',
      length,
      ...signature,
      ...given.headers,
    ];
    const text = `${head.join('\r\n')}\r\n\r\n${given.body}`;
    return [text.slice(0, given.cut), text.slice(given.cut)];
  });

describe('the ingress', () => {
  it(
    'answers random requests of strangers with 4xx, fails at none, and then accepts a genuine webhook',
    async () => {
      await fc.assert(
        fc.asyncProperty(fc.array(request, { minLength: 1, maxLength: 8 }), async (requests) => {
          const answers = await Promise.all(requests.map((parts) => statusesOf(parts)));
          for (const status of answers.flat()) {
            // A stranger may read nothing but health and metrics, which no random path names with a GET.
            expect([100, 400, 401, 404, 405, 408, 413, 415, 417, 431]).toContain(status);
          }
          expect(unexpected).toEqual([]);
        }),
        { numRuns: Number.MAX_SAFE_INTEGER, interruptAfterTimeLimit: SECONDS * 1000, endOnFailure: true },
      );
      const [webhook] = signedWebhooks(keys, 1, { orders: 1, entityStatus: 'BOOKED' });
      const answer = await fetch(connector.webhookUrl, { method: 'POST', ...webhook });
      expect(await answer.json()).toMatchObject({ status: 'accepted' });
    },
    SECONDS * 1000 + 120_000,
  );
});
