import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import {
  CommercetoolsEmulator,
  FluentEmulator,
  PrivateRedis,
  REFERENCE_WORKFLOWS,
  SeededRandom,
} from '../src/testing/index.js';
import { asArguments, freePort } from '../src/testing/private-redis.js';
import { PrivateCluster, PrivateSentinel } from '../src/testing/private-redis-topologies.js';
import { REDIS_PREFIX } from '../src/redis/index.js';
import { agrees } from './support/agreement.js';
import { ConnectorProcess, type LogLine } from './support/connector-process.js';

const TEST_MS = 90_000;
const patience = { timeout: 40_000, interval: 50 };
const PREFIX_KEY = `${REDIS_PREFIX}:any`;

let fluent: FluentEmulator;
let commercetools: CommercetoolsEmulator;
let lines: LogLine[];
const processes: ConnectorProcess[] = [];
const cleanUps: (() => unknown)[] = [];

beforeEach(async () => {
  lines = [];
  // What was not accepted is sent again soon, as Fluent does.
  fluent = await new FluentEmulator({
    webhookRetry: { delaysMs: Array.from({ length: 400 }, () => 100), timeoutMs: 3000 },
  }).start();
  commercetools = await new CommercetoolsEmulator().start();
  fluent.useReferenceMappings();
});
afterEach(async () => {
  for (const connector of processes.splice(0)) await connector.kill();
  await Promise.all([fluent.stop(), commercetools.stop()]);
  for (const cleanUp of cleanUps.splice(0).toReversed()) await cleanUp();
});

async function startConnector(environment: Record<string, string>): Promise<ConnectorProcess> {
  const connector = await ConnectorProcess.start(
    {
      ...fluent.environment,
      ...commercetools.environment,
      RECONCILE_INTERVAL: '0',
      QUEUE_LOCK_DURATION: '1000',
      RECHECK_DELAY: '500',
      RETRY_BASE_DELAY: '50',
      RETRY_MAX_DELAY: '1000',
      HTTP_CLIENT_TIMEOUT: '1000',
      ...environment,
    },
    (line) => lines.push(line),
  );
  processes.push(connector);
  fluent.webhookUrl = connector.webhookUrl;
  return connector;
}

function addOrders(count: number): string[] {
  return Array.from({ length: count }, (_, index) => {
    commercetools.addOrder({ orderNumber: `O_${index}` });
    return fluent.addOrder({ ref: `O_${index}` }).id;
  });
}

/** Leads all orders through their workflow; resolves when each webhook was answered. */
async function walkAll(ids: readonly string[], pauseMs: [number, number]): Promise<void> {
  const random = new SeededRandom(11);
  const workflows = Object.values(REFERENCE_WORKFLOWS);
  await Promise.all(
    ids.map((id) =>
      fluent.walk(id, random.pick(workflows), { pauseMs, duplicates: 0.1, reorders: 0.1, random }),
    ),
  );
}

/** Ids of notifications that came to an end. */
function ended(): Set<unknown> {
  const ends = new Set(['updated', 'unchanged', 'unmapped', 'superseded']);
  return new Set(
    lines.filter((line) => ends.has(String(line['outcome']))).map((line) => line['notificationId']),
  );
}

/** Every order agrees, and every accepted notification came to an end. */
async function expectNothingLost(): Promise<void> {
  expect(fluent.webhooks.counts.failed).toBe(0);
  const disagreeing = (): string[] =>
    fluent.orders
      .filter(({ ref, status }) => !agrees(commercetools.order(ref), status))
      .map(({ ref, status }) => `${ref} is ${status} in Fluent only`);
  await vi.waitFor(() => expect(disagreeing()).toEqual([]), patience);
  await vi.waitFor(
    () => expect(ended().size).toBeGreaterThanOrEqual(fluent.webhooks.counts.accepted),
    patience,
  );
  expect(lines.filter((line) => line['outcome'] === 'dead')).toEqual([]);
}

/** The longest that a probe waited for its answer while `during` ran, milliseconds. */
async function longestAnswerMs(connector: ConnectorProcess, during: () => Promise<void>): Promise<number> {
  let longest = 0;
  const over = new AbortController();
  const probe = async (): Promise<void> => {
    while (!over.signal.aborted) {
      const startedAt = performance.now();
      await connector.status('/health/ready');
      longest = Math.max(longest, performance.now() - startedAt);
    }
  };
  const probing = probe();
  await during().finally(() => over.abort());
  await probing;
  return longest;
}

/** Kills the master under load; everything that was accepted converges, through another master. */
async function expectNothingLostBy(failOver: () => Promise<void>, url: string): Promise<void> {
  const ids = addOrders(40);
  const connector = await startConnector({ REDIS_URL: url, REDIS_WAIT_REPLICAS: '1' });
  expect(((await connector.json('/health')) as Health).details.redis).toEqual({ status: 'up' });
  const walks = walkAll(ids, [100, 500]);
  await vi.waitFor(() => expect(fluent.webhooks.counts.accepted).toBeGreaterThan(40), patience);
  const acceptedBefore = fluent.webhooks.counts.accepted;
  expect(await longestAnswerMs(connector, failOver)).toBeLessThan(2000);
  await walks;
  await expectNothingLost();
  expect(fluent.webhooks.counts.accepted).toBeGreaterThan(acceptedBefore);
  expect(await connector.stop()).toBe(0);
}

interface Health {
  details: { redis: { status: string; warnings?: string[] } };
}

describe('Redis Sentinel', { timeout: TEST_MS }, () => {
  it('loses nothing that was accepted when the master is killed under load', async () => {
    const redis = await PrivateSentinel.start();
    cleanUps.push(() => redis.stop());
    await expectNothingLostBy(() => redis.killMaster(), redis.url);
  });
});

describe('Redis Cluster', { timeout: TEST_MS }, () => {
  it('loses nothing that was accepted when the master of its slot is killed under load', async () => {
    const redis = await PrivateCluster.start(PREFIX_KEY);
    cleanUps.push(() => redis.stop());
    await expectNothingLostBy(() => redis.killOwner(), redis.url);
  });
});

describe('replicas that must have a notification', { timeout: TEST_MS }, () => {
  it('refuses what no replica has, and says so in its health', async () => {
    const redis = await PrivateRedis.start();
    cleanUps.push(() => redis.stop());
    const connector = await startConnector({
      REDIS_URL: redis.url,
      REDIS_WAIT_REPLICAS: '1',
      CONNECTOR_ROLE: 'ingress',
    });
    const { details } = (await connector.json('/health')) as Health;
    expect(details.redis.warnings).toEqual([expect.stringContaining('nothing is accepted')]);
    const [id = ''] = addOrders(1);
    fluent.webhookUrl = connector.webhookUrl;
    const moved = fluent.move(id, 'BOOKED');
    await vi.waitFor(
      async () => expect(await connector.metric('webhooks_total', 'unavailable')).toBeGreaterThan(1),
      patience,
    );
    // A repetition of what is stored already is no reason to believe that it is replicated.
    expect(await connector.metric('webhooks_total', 'duplicate')).toBe(0);

    const replica = await PrivateRedis.start({ args: ['--replicaof', '127.0.0.1', String(redis.port)] });
    cleanUps.push(() => replica.stop());
    expect((await moved).result).toBe('duplicate');
  });
});

describe('TLS and an ACL user', { timeout: TEST_MS }, () => {
  it('needs no more rights than the documentation says', async () => {
    const dir = mkdtempSync(join(tmpdir(), 'fluent-connector-tls-'));
    cleanUps.push(() => rmSync(dir, { recursive: true }));
    const [key, certificate] = [join(dir, 'key.pem'), join(dir, 'certificate.pem')];
    const request = ['req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-days', '1', '-subj', '/CN=redis'];
    execFileSync(
      'openssl',
      [...request, '-addext', 'subjectAltName=IP:127.0.0.1', '-keyout', key, '-out', certificate],
      {
        stdio: 'ignore',
      },
    );
    const tlsPort = await freePort();
    const redis = await PrivateRedis.start({
      args: asArguments({
        'tls-port': tlsPort,
        'tls-cert-file': certificate,
        'tls-key-file': key,
        'tls-ca-cert-file': certificate,
        'tls-auth-clients': 'no',
      }),
    });
    cleanUps.push(() => redis.stop());
    const admin = new Redis(redis.url);
    cleanUps.push(() => admin.disconnect());
    const rights = ['on', '>p@ss', '~{fluent-connector}*', '&*', '+@all', '-@admin', '-@dangerous', '+info'];
    await admin.call('ACL', 'SETUSER', 'connector', ...rights);

    const environment = {
      REDIS_URL: `rediss://connector:p%40ss@127.0.0.1:${tlsPort}`,
      NODE_EXTRA_CA_CERTS: certificate,
    };
    const connector = await startConnector(environment);
    const ids = addOrders(5);
    await walkAll(ids, [10, 50]);
    await expectNothingLost();
    const clients = String(await admin.call('CLIENT', 'LIST')).split('\n');
    const ours = clients.filter(
      (line) => line.includes('name=fluent-connector') || line.includes('user=connector'),
    );
    expect(ours.length).toBeGreaterThanOrEqual(3);
    for (const client of ours) expect(client).toMatch(/ user=connector /);
    const denied = (await admin.call('ACL', 'LOG')) as unknown[];
    expect(denied).toEqual([]);
    expect(await connector.stop()).toBe(0);

    // A certificate that nobody vouches for is not spoken to.
    await expect(startConnector({ REDIS_URL: environment.REDIS_URL })).rejects.toThrow(/certificate/);
  });
});
