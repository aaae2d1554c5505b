import { once } from 'node:events';
import { request as httpRequest, type IncomingHttpHeaders } from 'node:http';
import { connect } from 'node:net';
import { gzipSync } from 'node:zlib';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { bootstrapConnector } from '../src/bootstrap-connector.js';
import { ConnectorModule } from '../src/connector.module.js';
import { shutDownGracefully } from '../src/graceful-shutdown.js';
import type { FluentNotification } from '../src/notification/index.js';
import {
  DeliveryWorker,
  MessageQueue,
  QueueUnavailableError,
  type AddResult,
  type QueueHealth,
} from '../src/delivery/index.js';
import { PrivateRedis } from '../src/testing/private-redis.js';
import { generateWebhookKeys, signWebhook } from '../src/testing/webhook-signature.js';
import { WAIT } from './support/wait.js';

const PATH = '/api/v1/fluent-connect/webhook';
const BODY_LIMIT = 20_000;
const keys = generateWebhookKeys();
const stranger = generateWebhookKeys();

const notification = {
  id: 'b34281d0-ada4-11e9-a1a7-5da7a83b9sd97cd',
  name: 'fc.connect.order.webhook.order-status-update',
  accountId: 'ACME',
  retailerId: '1',
  entityId: '123',
  entityRef: 'O_123',
  entityType: 'ORDER',
  entityStatus: 'SHIPPED',
  attributes: {},
};

let redis: PrivateRedis;
let app: NestFastifyApplication;
const open: NestFastifyApplication[] = [];

beforeAll(async () => {
  redis = await PrivateRedis.start({ aof: true });
  app = await start({}, 'keep');
});
afterEach(async () => {
  for (const extra of open.splice(0)) await extra.close();
});
afterAll(async () => {
  await app?.close();
  await redis?.stop();
});

/** A queue that takes nothing; tests say what they need of it. */
class NoQueue extends MessageQueue {
  add({ id }: FluentNotification): Promise<AddResult> {
    return Promise.reject(new Error(`${id}: not asked for`));
  }
  take = () => Promise.resolve([]);
  renew = <T>(delivery: T) => Promise.resolve(delivery);
  settle = () => Promise.resolve('settled' as const);
  wake = () => Promise.resolve();
  pause = <T>(_accountId: string, pause: T) => Promise.resolve(pause);
  resume = () => Promise.resolve(false);
  pauses = () => Promise.resolve(new Map());
  lanes = () => Promise.resolve([]);
  counts = () => Promise.resolve({ waiting: 0, active: 0, delayed: 0, dead: 0 });
  health = (): Promise<QueueHealth> => Promise.resolve({ reachable: false, warnings: [] });
  deadLetters = () => Promise.resolve([]);
  deadLetter = () => Promise.resolve(undefined);
  replay = () => Promise.resolve(false);
  discard = () => Promise.resolve(false);
}

type Overrides = NonNullable<Parameters<typeof ConnectorModule.register>[0]>['overrides'];

async function start(
  env: NodeJS.ProcessEnv = {},
  life: 'keep' | 'this test' = 'this test',
  overrides: Overrides = [],
): Promise<NestFastifyApplication> {
  const nowhere = 'http://127.0.0.1:1';
  const started = await bootstrapConnector(
    ConnectorModule.register({
      overrides,
      env: {
        HOST: '127.0.0.1',
        PORT: '0',
        REDIS_URL: redis.url,
        CONNECTOR_ROLE: 'ingress',
        LOG_LEVEL: 'fatal',
        LOG_FORMAT: 'json',
        FLUENT_ACCOUNT_ID: 'ACME',
        FLUENT_RETAILER_IDS: '1,2',
        FLUENT_BASE_URL: nowhere,
        FLUENT_USERNAME: 'user',
        FLUENT_PASSWORD: 'fluent-password',
        FLUENT_CLIENT_ID: 'ACME',
        FLUENT_CLIENT_SECRET: 'fluent-secret',
        FLUENT_WEBHOOK_PUBLIC_KEYS: keys.publicKey,
        CTP_PROJECT_KEY: 'shop',
        CTP_CLIENT_ID: 'ctp-client',
        CTP_CLIENT_SECRET: 'ctp-secret',
        CTP_AUTH_URL: nowhere,
        CTP_API_URL: nowhere,
        CTP_SCOPES: 'manage_orders:shop',
        WEBHOOK_BODY_LIMIT: String(BODY_LIMIT),
        ...env,
      },
    }),
    { embedded: true },
  );
  if (life === 'this test') open.push(started);
  if (overrides.length === 0) await untilReady(started);
  return started;
}

async function untilReady(to: NestFastifyApplication): Promise<void> {
  const ready = (): Promise<Answer> => send({ to, path: '/health/ready', method: 'GET' });
  await vi.waitFor(async () => expect((await ready()).status).toBe(200), { timeout: 10_000 });
}

interface Answer {
  status: number;
  headers: IncomingHttpHeaders;
  text: string;
  // What a test expects of a body is the test's business.
  // oxlint-disable-next-line typescript/no-explicit-any
  json: any;
}

interface Send {
  to?: NestFastifyApplication;
  path?: string;
  method?: string;
  headers?: Record<string, string | string[]>;
  /** Several parts are sent chunked. */
  body?: string | Buffer | Buffer[];
}

async function send({ to = app, path = PATH, method = 'POST', headers, body = '' }: Send): Promise<Answer> {
  const outgoing = httpRequest(new URL(path, await to.getUrl()), { method, headers, agent: false });
  if (Array.isArray(body)) {
    for (const part of body) outgoing.write(part);
    outgoing.end();
  } else {
    outgoing.end(body);
  }
  // A server that refuses a body early may close the connection before all of it was written.
  outgoing.on('error', () => undefined);
  const [response] = (await once(outgoing, 'response')) as [import('node:http').IncomingMessage];
  const chunks: Buffer[] = [];
  for await (const chunk of response) chunks.push(chunk as Buffer);
  const text = Buffer.concat(chunks).toString();
  const isJson = /json/.test(response.headers['content-type'] ?? '');
  return {
    status: response.statusCode ?? 0,
    headers: response.headers,
    text,
    json: isJson ? JSON.parse(text) : undefined,
  };
}

/** A header that lets the body be read, although no body fits it. */
const anySignature = `Fluent-Signature: ${signWebhook('another body', keys.privateKey)['fluent-signature']}`;

const json = { 'content-type': 'application/json' };

function signed(body: string | Buffer, privateKey = keys.privateKey): Record<string, string> {
  return { ...json, ...signWebhook(body, privateKey) };
}

function webhook(changes: Record<string, unknown> = {}, options: Partial<Send> = {}): Promise<Answer> {
  const body = JSON.stringify({ ...notification, ...changes });
  return send({ body, headers: signed(body), ...options });
}

/** @returns the status of an answer that is a proper problem document and tells nothing of the inside. */
function problem({ status, headers, json: document, text }: Answer): number {
  expect(headers['content-type']).toBe('application/problem+json');
  expect(document).toMatchObject({ type: 'about:blank', status });
  expect(text).not.toMatch(/\bat .*\.[jt]s|node_modules|FST_|Nest/);
  return status;
}

async function metric(name: string, from = app): Promise<number> {
  const { text } = await send({ to: from, path: '/metrics', method: 'GET' });
  const line = text.split('\n').find((candidate) => candidate.startsWith(`fluent_connector_${name} `));
  return Number(line?.split(' ').at(-1) ?? 0);
}

let unique = 0;
const newId = (): string => `id-${process.pid}-${unique++}`;

describe('the webhook answers', () => {
  it('accepted after the queue stored the notification, and duplicate after that', async () => {
    const id = newId();
    const first = await webhook({ id });
    expect(first).toMatchObject({ status: 200, json: { status: 'accepted', id } });
    expect(first.headers['content-type']).toMatch(/^application\/json/);
    expect(await webhook({ id })).toMatchObject({ status: 200, json: { status: 'duplicate', id } });
    expect((await app.get(MessageQueue).counts()).waiting).toBe(1);
  });

  it('ignored for a name that no handler has', async () => {
    const id = newId();
    expect(await webhook({ id, name: 'nobody.wants.this' })).toMatchObject({
      status: 200,
      json: { status: 'ignored', id },
    });
  });

  it('200 for bytes that a re-serialised body would not equal', async () => {
    const body = JSON.stringify({ ...notification, id: newId() }).replace(
      '"attributes":{}',
      String.raw`"attributes":{"price": 1.0,"\u006eame":"\u00e9","a":1,"a":2} `,
    );
    expect(await send({ body, headers: signed(body) })).toMatchObject({ status: 200 });
  });

  it('200 to a chunked body within the limit', async () => {
    const body = Buffer.from(JSON.stringify({ ...notification, id: newId() }));
    const parts = [body.subarray(0, 10), body.subarray(10)];
    expect(await send({ body: parts, headers: signed(body) })).toMatchObject({ status: 200 });
  });

  it('400 with all violations at once', async () => {
    const answer = await webhook({ id: undefined, entityRef: '  ', entityType: 5 });
    expect(problem(answer)).toBe(400);
    expect(answer.json.violations).toEqual([
      { field: 'id', message: 'is missing' },
      { field: 'entityRef', message: 'must not be blank' },
      { field: 'entityType', message: 'must be a string' },
    ]);
  });

  it.each([
    ['text', 'hello'],
    ['half a document', '{"a":'],
    ['nothing', ''],
    ['an array', '[]'],
    ['null', 'null'],
    ['a string', '"x"'],
    ['UTF-16', Buffer.from(JSON.stringify(notification), 'utf16le')],
    ['bytes that are not UTF-8', Buffer.from([0x7b, 0x22, 0xff, 0x22, 0x7d])],
    ['nesting without end', '['.repeat(BODY_LIMIT - 1)],
  ])('400 to %s, although it is signed', async (_case, body) => {
    expect(problem(await send({ body, headers: signed(body) }))).toBe(400);
  });

  it('400 to a megabyte of nesting, and keeps running', async () => {
    const large = await start({ WEBHOOK_BODY_LIMIT: '2000000' });
    const arrays = '['.repeat(1_000_000);
    const body = `{"attributes":${'{"a":'.repeat(190_000)}1${'}'.repeat(190_000)}}`;
    expect(problem(await send({ to: large, body: arrays, headers: signed(arrays) }))).toBe(400);
    expect(problem(await send({ to: large, body, headers: signed(body) }))).toBe(400);
    expect(await webhook({ id: newId() }, { to: large })).toMatchObject({ status: 200 });
  });

  it('one and the same 401, whatever is wrong with account, retailer or signature', async () => {
    const body = JSON.stringify(notification);
    const repeated = signWebhook(body, keys.privateKey)['fluent-signature'];
    const answers = await Promise.all([
      send({ body, headers: json }),
      send({ body, headers: signed(body, stranger.privateKey) }),
      send({ body: body.replace('O_123', 'O_124'), headers: signed(body) }),
      send({ body, headers: { ...json, 'fluent-signature': [repeated, repeated] } }),
      send({ body, headers: { ...json, 'fluent-signature': 'not base64' } }),
      send({ body: 'text that is not JSON', headers: signed('text that is not JSON', stranger.privateKey) }),
      send({ body, headers: { 'content-type': 'text/plain' } }),
      send({
        body,
        headers: { ...json, 'flex.signature': signWebhook(body, keys.privateKey)['flex.signature'] },
      }),
      webhook({ accountId: 'OTHER' }),
      webhook({ accountId: '__proto__' }),
      webhook({ accountId: undefined }),
      webhook({ retailerId: '3' }),
    ]);
    for (const answer of answers) expect(problem(answer)).toBe(401);
    expect(new Set(answers.map(({ text }) => text)).size).toBe(1);
  });

  it('401 rather than 400 when the contract is broken too', async () => {
    const body = JSON.stringify({ accountId: 'ACME' });
    expect(problem(await send({ body, headers: signed(body, stranger.privateKey) }))).toBe(401);
    expect(problem(await send({ body, headers: signed(body) }))).toBe(400);
  });

  it('200 to a legacy signature only where it is allowed', async () => {
    const legacy = await start({ FLUENT_ALLOW_MD5_SIGNATURE: 'true' });
    const body = JSON.stringify({ ...notification, id: newId() });
    const headers = { ...json, 'flex.signature': signWebhook(body, keys.privateKey)['flex.signature'] };
    expect(await send({ to: legacy, body, headers })).toMatchObject({ status: 200 });
    expect(problem(await send({ body, headers }))).toBe(401);
  });

  it('413 to a body over the limit, with a length and without', async () => {
    const body = Buffer.from(JSON.stringify({ ...notification, attributes: { a: 'x'.repeat(BODY_LIMIT) } }));
    expect(problem(await send({ body, headers: signed(body) }))).toBe(413);
    const parts = [body.subarray(0, 100), body.subarray(100)];
    expect(problem(await send({ body: parts, headers: signed(body) }))).toBe(413);
  });

  it('413 before the body is sent, when its Content-Length is too large', async () => {
    const { port } = new URL(await app.getUrl());
    const socket = connect(Number(port), '127.0.0.1');
    socket.write(
      `POST ${PATH} HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n${anySignature}\r\nContent-Length: 999999\r\n\r\n{`,
    );
    const [answer] = (await once(socket, 'data')) as [Buffer];
    expect(answer.toString()).toMatch(/^HTTP\/1.1 413 /);
    socket.destroy();
  });

  it('takes a body that is broken off for the fault of its sender', async () => {
    const count = async (outcome: string): Promise<number> =>
      metric(`webhooks_total{account="other",outcome="${outcome}"}`);
    const [invalid, unavailable] = [await count('invalid'), await count('unavailable')];
    const { port } = new URL(await app.getUrl());
    const socket = connect(Number(port), '127.0.0.1');
    await once(socket, 'connect');
    socket.write(
      `POST ${PATH} HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n${anySignature}\r\nContent-Length: 900\r\n\r\n{`,
      () => socket.resetAndDestroy(),
    );
    await vi.waitFor(async () => expect(await count('invalid')).toBe(invalid + 1), { timeout: 5000 });
    expect(await count('unavailable')).toBe(unavailable);
  });

  it.each([
    ['another type', { 'content-type': 'text/plain' }],
    ['a form', { 'content-type': 'application/x-www-form-urlencoded' }],
    ['no type', {}],
    ['another charset', { 'content-type': 'application/json; charset=iso-8859-1' }],
    ['gzip', { ...json, 'content-encoding': 'gzip' }],
  ])('415 to %s', async (_case, headers) => {
    const text = JSON.stringify(notification);
    const body = 'content-encoding' in headers ? gzipSync(text) : text;
    expect(
      problem(await send({ body, headers: { ...signWebhook(body, keys.privateKey), ...headers } })),
    ).toBe(415);
  });

  it('the same to keys that would pollute a prototype as to any other key', async () => {
    const body = JSON.stringify({ ...notification, id: newId() }).replace(
      '"attributes":{}',
      '"__proto__":{"polluted":true},"constructor":{"prototype":{"polluted":true}}',
    );
    expect(await send({ body, headers: signed(body) })).toMatchObject({ status: 200 });
    expect(({} as Record<string, unknown>)['polluted']).toBeUndefined();
  });

  it('503 with Retry-After when the queue cannot store, and 500 without a word about what failed', async () => {
    class BrokenQueue extends NoQueue {
      failure: Error = new QueueUnavailableError('redis://secret-host is away');
      override add(): Promise<AddResult> {
        return Promise.reject(this.failure);
      }
    }
    const broken = new BrokenQueue();
    const to = await start({}, 'this test', [{ provide: MessageQueue, useValue: broken }]);
    const away = await webhook({}, { to });
    expect(problem(away)).toBe(503);
    expect(Number(away.headers['retry-after'])).toBeGreaterThan(0);
    expect(away.text).not.toContain('secret-host');

    broken.failure = new Error('secret internals');
    const failed = await webhook({}, { to });
    expect(problem(failed)).toBe(500);
    expect(failed.text).not.toContain('secret');
    expect(await metric('webhooks_total{account="ACME",outcome="unavailable"}', to)).toBe(2);
  });

  it('counts every answer by account and outcome', async () => {
    const fresh = await start();
    const to = fresh;
    const id = newId();
    await webhook({ id }, { to });
    await webhook({ id }, { to });
    await webhook({ name: 'nobody.wants.this' }, { to });
    await webhook({ id: 7 }, { to });
    await webhook({ accountId: 'STRANGE' }, { to });
    await send({ to, body: 'x', headers: json });
    const count = (account: string, outcome: string): Promise<number> =>
      metric(`webhooks_total{account="${account}",outcome="${outcome}"}`, fresh);
    expect(await count('ACME', 'accepted')).toBe(1);
    expect(await count('ACME', 'duplicate')).toBe(1);
    expect(await count('ACME', 'ignored')).toBe(1);
    expect(await count('ACME', 'invalid')).toBe(1);
    expect(await count('other', 'unauthorized')).toBe(2);
    expect(await count('other', 'invalid')).toBe(0);
  });
});

describe('the server', () => {
  it('takes the webhook at WEBHOOK_PATH and nowhere else', async () => {
    const moved = await start({ WEBHOOK_PATH: '/hooks/fluent' });
    expect(await webhook({ id: newId() }, { to: moved, path: '/hooks/fluent' })).toMatchObject({
      status: 200,
    });
    expect(problem(await webhook({}, { to: moved }))).toBe(404);
  });

  it('has no webhook in the role worker, but health and metrics', async () => {
    const worker = await start({ CONNECTOR_ROLE: 'worker' });
    expect(problem(await webhook({}, { to: worker }))).toBe(404);
    expect(await send({ to: worker, path: '/health/live', method: 'GET' })).toMatchObject({ status: 200 });
    expect(await send({ to: worker, path: '/metrics', method: 'GET' })).toMatchObject({ status: 200 });
  });

  it('answers unknown paths, methods and broken requests as problems, without repeating them', async () => {
    const unknown = await send({ path: '/nothing/here?token=secret', method: 'GET' });
    expect(problem(unknown)).toBe(404);
    expect(unknown.text).not.toContain('secret');
    const get = await send({ method: 'GET' });
    expect(problem(get)).toBe(405);
    expect(get.headers['allow']).toBe('POST');
    expect(problem(await send({ path: '/%zz', method: 'GET' }))).toBe(404);
    expect(problem(await send({ path: '/', method: 'GET', headers: { a: 'x'.repeat(100_000) } }))).toBe(431);
  });

  it('refuses an override of something that is not replaceable, by name', () => {
    class Unrelated {}
    const register = () =>
      // @ts-expect-error it does not even compile
      ConnectorModule.register({ overrides: [{ provide: Unrelated, useValue: 1 }] });
    expect(register).toThrow(
      /Unrelated is not replaceable; the replaceable classes are SignatureVerifier, MessageQueue/,
    );
  });

  it('is ready while Redis answers, live always, and says what it knows', async () => {
    const get = (path: string): Promise<Answer> => send({ path, method: 'GET' });
    expect(await get('/health/live')).toMatchObject({ status: 200 });
    expect(await get('/health/ready')).toMatchObject({ status: 200 });
    expect(await get('/health')).toMatchObject({
      status: 200,
      json: {
        details: {
          redis: { status: 'up' },
          'fluent:ACME': { status: 'up', circuit: 'closed' },
          'commercetools:shop': { status: 'up', circuit: 'closed' },
          settingsCache: { status: 'up', entries: 0 },
          configuration: { status: 'up' },
        },
      },
    });
  });

  it('reports the queue to Prometheus by state', async () => {
    await webhook({ id: newId() });
    expect(await metric('queue_jobs{state="waiting"}')).toBeGreaterThan(0);
    expect(await metric('queue_jobs{state="dead"}')).toBe(0);
    // No worker takes it, so it gets older.
    await vi.waitFor(
      async () => expect(await metric('queue_oldest_unfinished_seconds')).toBeGreaterThan(0),
      10_000,
    );
  });

  it('report the ways in which Redis could lose notifications', async () => {
    const forgetful = await PrivateRedis.start({ aof: false, args: ['--maxmemory-policy', 'allkeys-lru'] });
    try {
      const risky = await start({ REDIS_URL: forgetful.url });
      expect(await metric('queue_warnings', risky)).toBe(2);
      const safe = (await send({ path: '/metrics', method: 'GET' })).text;
      expect(safe).toMatch(/^fluent_connector_queue_warnings 0$/m);
    } finally {
      await forgetful.stop();
    }
  });

  it('answers probes and scrapes in time when the queue hangs', async () => {
    class HangingQueue extends NoQueue {
      override health = (): Promise<never> => new Promise(() => undefined);
      override counts = (): Promise<never> => new Promise(() => undefined);
    }
    const to = await start({}, 'this test', [{ provide: MessageQueue, useClass: HangingQueue }]);
    const began = performance.now();
    const [ready, details, metrics] = await Promise.all(
      ['/health/ready', '/health', '/metrics'].map((path) => send({ to, path, method: 'GET' })),
    );
    // Each gives the queue a second.
    expect(performance.now() - began).toBeLessThan(10_000);
    expect(problem(ready!)).toBe(503);
    expect(problem(details!)).toBe(503);
    expect(details!.json.details.queue.status).toBe('down');
    expect(metrics!.status).toBe(200);
    expect(metrics!.text).not.toMatch(/queue_jobs\{|queue_warnings \d/);
    expect(await send({ to, path: '/health/live', method: 'GET' })).toMatchObject({ status: 200 });
  });
});

describe('a graceful shutdown', () => {
  it('accepts webhooks while traffic moves away, ends running requests, then closes', async () => {
    let release: (result: AddResult) => void = () => undefined;
    const seen: FluentNotification[] = [];
    class SlowQueue extends NoQueue {
      override health = () => Promise.resolve({ reachable: true, warnings: [] });
      override add(accepted: FluentNotification): Promise<AddResult> {
        seen.push(accepted);
        return accepted.id === 'slow'
          ? new Promise((resolve) => {
              release = resolve;
            })
          : Promise.resolve('accepted');
      }
    }
    const to = await start({ DRAIN_DELAY: '1', SHUTDOWN_TIMEOUT: '9' }, 'this test', [
      { provide: MessageQueue, useClass: SlowQueue },
    ]);
    open.splice(open.indexOf(to), 1);
    const drained = vi.spyOn(to.get(DeliveryWorker), 'drain');
    const url = await to.getUrl();
    const probe = (): Promise<Answer> => send({ to, path: '/health/ready', method: 'GET' });

    const running = webhook({ id: 'slow' }, { to });
    await vi.waitFor(() => expect(seen).toHaveLength(1), WAIT);
    const ended = shutDownGracefully(to);
    expect(problem(await probe())).toBe(503);
    const late = await webhook({ id: 'late' }, { to });
    expect(late).toMatchObject({ status: 200, json: { status: 'accepted' } });
    expect(late.headers.connection).toBe('close');

    await vi.waitFor(() => expect(fetch(url)).rejects.toThrow(/fetch failed/), { timeout: 5000 });
    expect(drained).not.toHaveBeenCalled();
    release('accepted');
    expect(await running).toMatchObject({ status: 200, json: { status: 'accepted', id: 'slow' } });
    await ended;
    const [timeoutMs] = drained.mock.calls[0]!;
    expect(timeoutMs).toBeGreaterThan(1000);
    expect(timeoutMs).toBeLessThanOrEqual(9000);
  });
});
