import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { Redis } from 'ioredis';
import { describe, expect, vi } from 'vitest';
import { REDIS_PREFIX } from '../src/redis/index.js';
import { PrivateRedis } from '../src/testing/index.js';
import { freePort } from '../src/testing/free-port.js';
import { asArguments } from '../src/testing/private-redis.js';
import { PrivateCluster, PrivateSentinel } from '../src/testing/private-redis-topologies.js';
import { type Harness, SHORT_WAITS, createIt, resentEvery100Ms } from './support/harness.js';
import type { RunningConnector } from './support/running-connector.js';
import { WAIT } from './support/wait.js';

const TEST_MS = 90_000;
/** A connector that is probed without a pause would do nothing else. */
const PROBE_PAUSE_MS = 20;
const PREFIX_KEY = `${REDIS_PREFIX}:any`;

const base = createIt();
base.override('fluentOptions', resentEvery100Ms(400));
base.override('environment', SHORT_WAITS);

const it = base
  .extend('sentinel', async ({}, { onCleanup }) => {
    const sentinel = await PrivateSentinel.start();
    onCleanup(() => sentinel.stop());
    return sentinel;
  })
  .extend('cluster', async ({}, { onCleanup }) => {
    const cluster = await PrivateCluster.start(PREFIX_KEY);
    onCleanup(() => cluster.stop());
    return cluster;
  })
  .extend('startReplica', async ({ redis }, { onCleanup }) => {
    const replicas: PrivateRedis[] = [];
    onCleanup(async () => {
      for (const replica of replicas) await replica.stop();
    });
    return async (): Promise<void> => {
      const args = ['--replicaof', '127.0.0.1', String(redis.port)];
      replicas.push(await PrivateRedis.start({ args }));
    };
  })
  .extend('tls', async ({}, { onCleanup }) => {
    const dir = mkdtempSync(join(tmpdir(), 'fluent-connector-tls-'));
    const [key, certificate] = [join(dir, 'key.pem'), join(dir, 'certificate.pem')];
    const request = ['req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-days', '1', '-subj', '/CN=redis'];
    const output = ['-addext', 'subjectAltName=IP:127.0.0.1', '-keyout', key, '-out', certificate];
    execFileSync('openssl', [...request, ...output], { stdio: 'ignore' });
    const port = await freePort();
    const server = await PrivateRedis.start({
      args: asArguments({
        'tls-port': port,
        'tls-cert-file': certificate,
        'tls-key-file': key,
        'tls-ca-cert-file': certificate,
        'tls-auth-clients': 'no',
      }),
    });
    const admin = new Redis(server.url);
    onCleanup(async () => {
      admin.disconnect();
      await server.stop();
      rmSync(dir, { recursive: true });
    });
    return { port, certificate, admin };
  });

/** @returns what readiness probes were answered with while `during` ran; undefined stands for no answer. */
async function probesWhile(
  connector: RunningConnector,
  during: () => Promise<void>,
): Promise<Set<number | undefined>> {
  const statuses = new Set<number | undefined>();
  const over = new AbortController();
  const probe = async (): Promise<void> => {
    for (; !over.signal.aborted; await delay(PROBE_PAUSE_MS)) {
      statuses.add(await connector.status('/health/ready'));
    }
  };
  const probing = probe();
  await during().finally(() => over.abort());
  await probing;
  return statuses;
}

/** Kills the master under load; everything that was accepted converges, through another master. */
async function expectNothingLostBy(
  failOver: () => Promise<void>,
  url: string,
  harness: Harness,
): Promise<void> {
  const { webhooks } = harness.fluent;
  const ids = harness.addOrders(40);
  const connector = await harness.startInProcess({ REDIS_URL: url, REDIS_WAIT_REPLICAS: '1' });
  expect(((await connector.json('/health')) as Health).details.redis).toEqual({ status: 'up' });
  const walks = harness.walkAll(ids, [100, 500]);
  await vi.waitFor(() => expect(webhooks.counts.accepted).toBeGreaterThan(40), WAIT);
  const acceptedBefore = webhooks.counts.accepted;
  // Probes do not hang until there is a new master.
  const statuses = await probesWhile(connector, failOver);
  expect(statuses).toContain(503);
  expect(statuses).not.toContain(undefined);
  await walks;
  await harness.expectNothingLost();
  expect(webhooks.counts.accepted).toBeGreaterThan(acceptedBefore);
  await connector.stop();
}

interface Health {
  details: { redis: { status: string; warnings?: string[] } };
}

describe('Redis Sentinel', { timeout: TEST_MS }, () => {
  it('loses nothing that was accepted when the master is killed under load', async ({
    harness,
    sentinel,
  }) => {
    await expectNothingLostBy(() => sentinel.killMaster(), sentinel.url, harness);
  });
});

describe('Redis Cluster', { timeout: TEST_MS }, () => {
  it('loses nothing that was accepted when the master of its slot is killed under load', async ({
    harness,
    cluster,
  }) => {
    await expectNothingLostBy(() => cluster.killOwner(), cluster.url, harness);
  });
});

describe('a Redis Cluster that is resharded', { timeout: TEST_MS }, () => {
  it('loses nothing while the slot of the connector moves to another master under load', async ({
    harness,
    cluster,
  }) => {
    const { webhooks } = harness.fluent;
    const ids = harness.addOrders(40);
    // In this process its commands meet those that move the slot most often.
    const connector = await harness.startInProcess({ REDIS_URL: cluster.url });
    const walks = harness.walkAll(ids, [100, 500]);
    await vi.waitFor(() => expect(webhooks.counts.accepted).toBeGreaterThan(40), WAIT);
    await cluster.moveSlot();
    const acceptedBefore = webhooks.counts.accepted;
    await walks;
    await harness.expectNothingLost();
    expect(webhooks.counts.accepted).toBeGreaterThan(acceptedBefore);
    await connector.stop();
  });
});

describe('REDIS_WAIT_REPLICAS', { timeout: TEST_MS }, () => {
  it('refuses a notification that no replica has, and warns of it in /health', async ({
    harness,
    startReplica,
  }) => {
    const connector = await harness.startInProcess({
      REDIS_WAIT_REPLICAS: '1',
      CONNECTOR_ROLE: 'ingress',
    });
    const { details } = (await connector.json('/health')) as Health;
    expect(details.redis.warnings).toEqual([expect.stringContaining('nothing is accepted')]);
    const moved = harness.fluent.move(harness.addOrder('O_1'), 'BOOKED');
    await vi.waitFor(
      async () => expect(await connector.metric('webhooks_total', 'unavailable')).toBeGreaterThan(1),
      WAIT,
    );
    // A repetition of what is stored already does not prove that it is replicated.
    expect(await connector.metric('webhooks_total', 'duplicate')).toBe(0);

    await startReplica();
    expect((await moved).result).toBe('duplicate');
  });
});

describe('TLS and an ACL user', { timeout: TEST_MS }, () => {
  it('work with the rights that the documentation names, and only with a trusted certificate', async ({
    harness,
    tls: { port, certificate, admin },
  }) => {
    const rights = ['on', '>p@ss', '~{fluent-connector}*', '&*', '+@all', '-@admin', '-@dangerous', '+info'];
    await admin.call('ACL', 'SETUSER', 'connector', ...rights);

    const REDIS_URL = `rediss://connector:p%40ss@127.0.0.1:${port}`;
    const connector = await harness.startConnector({ REDIS_URL, NODE_EXTRA_CA_CERTS: certificate });
    await harness.walkAll(harness.addOrders(5), [10, 50]);
    await harness.expectNothingLost();
    const clients = String(await admin.call('CLIENT', 'LIST')).split('\n');
    const ours = clients.filter(
      (line) => line.includes('name=fluent-connector') || line.includes('user=connector'),
    );
    expect(ours.length).toBeGreaterThanOrEqual(3);
    for (const client of ours) expect(client).toMatch(/ user=connector /);
    const denied = (await admin.call('ACL', 'LOG')) as unknown[];
    expect(denied).toEqual([]);
    expect(await connector.stop()).toBe(0);

    const distrustful = await harness.launchConnector({ REDIS_URL });
    await vi.waitFor(
      () => expect(harness.lines.some(({ msg }) => /certificate.*REDIS_URL/.test(String(msg)))).toBe(true),
      WAIT,
    );
    expect(await distrustful.status('/health/ready')).not.toBe(200);
  });
});
