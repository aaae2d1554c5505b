import { setMaxListeners } from 'node:events';
import { connect } from 'node:net';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { pacedLoad } from '../bench/load.js';
import { signedWebhooks } from '../bench/signed-webhooks.js';
import { PrivateRedis } from '../src/testing/private-redis.js';
import { generateWebhookKeys, signWebhook } from '../src/testing/webhook-signature.js';
import { ATTACKS } from './support/attacks.js';
import { COMPLETE_ENVIRONMENT } from './support/complete-environment.js';
import { freePort } from '../src/testing/free-port.js';
import { ConnectorProcess } from './support/connector-process.js';

/**
 * Of one core, while an attack lasts. Unlike latency it does not depend on what else the machine does; `npm run bench
 * attacks` measures latency.
 */
const MAX_CPU_SHARE = 0.75;
const PATH = '/api/v1/fluent-connect/webhook';
const keys = generateWebhookKeys();
const signature = signWebhook('another body', keys.privateKey)['fluent-signature'];
const forged = `Fluent-Signature: ${signature}\r\n`;

let redis: PrivateRedis;
let connector: ConnectorProcess;
let managementPort: number;
let logLines = 0;

beforeAll(async () => {
  redis = await PrivateRedis.start({ aof: false });
  managementPort = await freePort();
  connector = await ConnectorProcess.start(environment({}), () => logLines++);
});
afterAll(async () => {
  await connector?.stop();
  await redis?.stop();
});

function environment(env: Record<string, string>): Record<string, string> {
  return {
    ...COMPLETE_ENVIRONMENT,
    REDIS_URL: redis.url,
    CONNECTOR_ROLE: 'ingress',
    FLUENT_ACCOUNT_ID: 'ACME',
    FLUENT_WEBHOOK_PUBLIC_KEYS: keys.publicKey,
    RECONCILE_INTERVAL: '0',
    ...env,
  };
}

/** Sends bytes and resolves with everything that comes back until the connection is closed. */
async function exchange(text: string, port = Number(new URL(connector.url).port)): Promise<string> {
  const socket = connect(port, '127.0.0.1');
  let answer = '';
  socket.on('data', (chunk: Buffer) => (answer += chunk.toString()));
  socket.on('error', () => undefined);
  socket.write(text);
  await new Promise((resolve) => socket.once('close', resolve));
  return answer;
}

const post = (path: string, headers: string): string =>
  `POST ${path} HTTP/1.1\r\nHost: a\r\n${headers}Content-Length: 900000\r\n\r\n`;
const json = 'Content-Type: application/json\r\n';

describe('without its body, a request', () => {
  it.each([
    ['without a signature is answered 401', post(PATH, json), 401],
    [
      'without a signature is answered 401 even when its type is wrong',
      post(PATH, 'Content-Type: text/plain\r\n'),
      401,
    ],
    [
      'with a signature of the wrong length is answered 401',
      post(PATH, `${json}Fluent-Signature: AAAA\r\n`),
      401,
    ],
    ['with two signatures is answered 401', post(PATH, json + forged + forged), 401],
    ['to an unknown path is answered 404', post('/unknown', json + forged), 404],
    ['with another method is answered 405', post(PATH, json + forged).replace('POST', 'PUT'), 405],
    ['of another type is answered 415', post(PATH, `Content-Type: text/plain\r\n${forged}`), 415],
    ['that is compressed is answered 415', post(PATH, `${json}Content-Encoding: gzip\r\n${forged}`), 415],
    [
      'with two Authorization headers is answered 400',
      post(PATH, `${json}${forged}Authorization: a\r\nAuthorization: b\r\n`),
      400,
    ],
    ['with 101 headers is answered 431', post(PATH, json + forged + 'X-A: 1\r\n'.repeat(101)), 431],
    ['that expects 100 Continue gets no such answer', post(PATH, `${json}Expect: 100-continue\r\n`), 401],
  ])('%s, and the connection is closed', async (_case, request, status) => {
    const answer = await exchange(request);
    expect(answer).toMatch(
      new RegExp(`^HTTP/1.1 ${status} [^]*application/problem\\+json[^]*"status":${status}`),
    );
  });

  it('that is chunked is closed as soon as its chunks are too small', async () => {
    const answer = await exchange(
      `POST ${PATH} HTTP/1.1\r\nHost: a\r\n${json}${forged}Transfer-Encoding: chunked\r\n\r\n${'1\r\nx\r\n'.repeat(200)}`,
    );
    expect(answer).toMatch(/^HTTP\/1.1 400 /);
  });
});

describe('a genuine webhook', () => {
  it.each(Object.keys(ATTACKS))('is accepted beside %s, which costs little CPU', async (name) => {
    const attack = new AbortController();
    setMaxListeners(0, attack.signal);
    const port = Number(new URL(connector.url).port);
    const ended = ATTACKS[name]!({ port, webhookPath: PATH, signature }, attack.signal);
    const linesBefore = logLines;
    const cpuBefore = connector.cpuSeconds;
    const startedAt = performance.now();
    try {
      const webhooks = signedWebhooks(keys, 60, { orders: 100, entityStatus: 'BOOKED' });
      const { failed } = await pacedLoad(connector.webhookUrl, webhooks, 20);
      expect(failed).toBe(0);
      const elapsedSeconds = (performance.now() - startedAt) / 1000;
      expect((connector.cpuSeconds - cpuBefore) / elapsedSeconds).toBeLessThan(MAX_CPU_SHARE);
    } finally {
      attack.abort();
      await ended;
    }
    const seconds = (performance.now() - startedAt) / 1000;
    // 20 lines a second and one that counts the others; a second may begin and end in between.
    expect(logLines - linesBefore).toBeLessThanOrEqual(21 * (seconds + 2));
  });

  it('is accepted with 100 Continue', async () => {
    const [webhook] = signedWebhooks(keys, 1, { orders: 1, entityStatus: 'BOOKED' });
    const headers = Object.entries(webhook!.headers).map(([name, value]) => `${name}: ${value}\r\n`);
    const answer = await exchange(
      `POST ${PATH} HTTP/1.1\r\nHost: a\r\nConnection: close\r\nExpect: 100-continue\r\n${headers.join('')}` +
        `Content-Length: ${Buffer.byteLength(webhook!.body)}\r\n\r\n${webhook!.body}`,
    );
    expect(answer).toMatch(/^HTTP\/1.1 100 Continue\r\n\r\nHTTP\/1.1 200 /);
  });
});

describe('MANAGEMENT_PORT', () => {
  let split: ConnectorProcess;

  beforeAll(async () => {
    split = await ConnectorProcess.start(environment({ MANAGEMENT_PORT: String(managementPort) }));
  });
  afterAll(() => split?.stop());

  const get = async (port: number, path: string): Promise<number> =>
    (await fetch(`http://127.0.0.1:${port}${path}`)).status;

  it('serves health and metrics, and the public port does not', async () => {
    const publicPort = Number(new URL(split.url).port);
    for (const path of ['/health', '/health/live', '/health/ready', '/metrics']) {
      expect(await get(managementPort, path)).toBe(200);
      expect(await get(publicPort, path)).toBe(404);
    }
  });

  it('does not serve the webhook', async () => {
    const [webhook] = signedWebhooks(keys, 1, { orders: 1, entityStatus: 'BOOKED' });
    const send = async (url: string): Promise<number> =>
      (await fetch(url, { method: 'POST', ...webhook! })).status;
    expect(await send(split.webhookUrl)).toBe(200);
    expect(await send(`http://127.0.0.1:${managementPort}${PATH}`)).toBe(404);
  });

  it('is served while strangers hold every connection of the public port', async () => {
    const attack = new AbortController();
    setMaxListeners(0, attack.signal);
    const port = Number(new URL(split.url).port);
    const ended = ATTACKS['silent connections']!({ port, webhookPath: PATH, signature }, attack.signal);
    try {
      const dropped = async (): Promise<number> => {
        const text = await (await fetch(`http://127.0.0.1:${managementPort}/metrics`)).text();
        return Number(
          /^fluent_connector_connections_dropped_total\{reason="evicted"\} (\d+)$/m.exec(text)?.[1],
        );
      };
      await vi.waitFor(async () => expect(await dropped()).toBeGreaterThan(0), { timeout: 20_000 });
      expect(await get(managementPort, '/health/ready')).toBe(200);
    } finally {
      attack.abort();
      await ended;
    }
  });
});
