import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import {
  CommercetoolsEmulator,
  FluentEmulator,
  PrivateRedis,
  REFERENCE_WORKFLOWS,
  SeededRandom,
} from '../src/testing/index.js';
import { agrees } from './support/agreement.js';
import { ConnectorProcess, freePort, type LogLine } from './support/connector-process.js';

const TEST_MS = 120_000;
const patience = { timeout: 60_000, interval: 50 };

let redis: PrivateRedis;
let fluent: FluentEmulator;
let commercetools: CommercetoolsEmulator;
let lines: LogLine[];
const processes: ConnectorProcess[] = [];

beforeAll(async () => {
  redis = await PrivateRedis.start({ aof: true });
});
afterAll(() => redis.stop());

beforeEach(async () => {
  await redis.flush();
  lines = [];
  // What was not accepted is sent again soon, as Fluent does.
  fluent = await new FluentEmulator({
    webhookRetry: { delaysMs: Array.from({ length: 40 }, () => 100), timeoutMs: 3000 },
  }).start();
  commercetools = await new CommercetoolsEmulator().start();
  fluent.useReferenceMappings();
});
afterEach(async () => {
  for (const connector of processes.splice(0)) await connector.kill();
  await Promise.all([fluent.stop(), commercetools.stop()]);
});

async function startConnector(environment: Record<string, string> = {}): Promise<ConnectorProcess> {
  const connector = await ConnectorProcess.start(
    {
      REDIS_URL: redis.url,
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

/** Leads all orders through their workflow, some webhooks twice or late; resolves when each was answered. */
async function walkAll(ids: readonly string[], pauseMs: [number, number] = [50, 300]): Promise<void> {
  const random = new SeededRandom(11);
  await Promise.all(
    ids.map((id) =>
      fluent.walk(id, random.pick(Object.values(REFERENCE_WORKFLOWS)), {
        pauseMs,
        duplicates: 0.1,
        reorders: 0.1,
        random,
      }),
    ),
  );
}

function disagreeing(): string[] {
  return fluent.orders
    .filter(({ ref, status }) => !agrees(commercetools.order(ref), status))
    .map(({ ref, status }) => `${ref} is ${status} in Fluent only`);
}

/** Ids of notifications that came to an end. */
function ended(): Set<unknown> {
  const ends = new Set(['updated', 'unchanged', 'unmapped', 'superseded', 'dead']);
  return new Set(
    lines.filter((line) => ends.has(String(line['outcome']))).map((line) => line['notificationId']),
  );
}

/** Every order agrees, every accepted notification came to an end, none of them a dead letter. */
async function expectNothingLost(): Promise<void> {
  await vi.waitFor(() => expect(disagreeing()).toEqual([]), patience);
  await vi.waitFor(
    () => expect(ended().size).toBeGreaterThanOrEqual(fluent.webhooks.counts.accepted),
    patience,
  );
  expect(fluent.webhooks.counts.failed).toBe(0);
  expect(lines.filter((line) => line['outcome'] === 'dead')).toEqual([]);
}

/** No state was ever followed by the state of an older status. */
function expectNoStepBack(): void {
  const ranks = ['Open', 'Confirmed', 'Complete', 'Cancelled'];
  for (const { orderNumber, history } of commercetools.orders) {
    const seen = history.map(({ orderState }) => ranks.indexOf(orderState));
    expect(seen, orderNumber).toEqual(seen.toSorted((a, b) => a - b));
  }
}

describe('a worker killed in the middle of a job', { timeout: TEST_MS }, () => {
  it('leaves the job to another worker', async () => {
    const [id = ''] = addOrders(1);
    const first = await startConnector();
    let reached = false;
    const release = commercetools.intercept(async ({ mutation }) => {
      if (!mutation) return;
      reached = true;
      await new Promise(() => undefined);
    });
    expect((await fluent.move(id, 'BOOKED')).result).toBe('accepted');
    await vi.waitFor(() => expect(reached).toBe(true), patience);
    await first.kill();
    release();
    expect(disagreeing()).toHaveLength(1);
    await startConnector();
    await expectNothingLost();
    expectNoStepBack();
  });

  it('loses nothing under load, with another replica at work', async () => {
    const ids = addOrders(60);
    const victim = await startConnector({ CONNECTOR_ROLE: 'worker' });
    await startConnector();
    commercetools.faults.set({ kind: 'latency', ms: 30 });
    const walks = walkAll(ids);
    await vi.waitFor(() => expect(ended().size).toBeGreaterThan(30), patience);
    await victim.kill();
    await walks;
    await vi.waitFor(() => expect(disagreeing()).toEqual([]), patience);
    // The dead one's log may lack lines for work that it had done.
    expect(fluent.webhooks.counts.failed).toBe(0);
    expectNoStepBack();
  });
});

describe('Redis killed and restarted under load', { timeout: TEST_MS }, () => {
  it('loses nothing that was accepted', async () => {
    const ids = addOrders(60);
    await startConnector();
    const walks = walkAll(ids);
    await vi.waitFor(() => expect(fluent.webhooks.counts.accepted).toBeGreaterThan(60), patience);
    await redis.kill();
    const attempts = fluent.webhooks.counts.attempts;
    await vi.waitFor(() => expect(fluent.webhooks.counts.attempts).toBeGreaterThan(attempts + 50), patience);
    await redis.restart();
    await walks;
    await expectNothingLost();
    expectNoStepBack();
  });
});

describe('an upstream in trouble', { timeout: TEST_MS }, () => {
  it('commercetools down: the circuit opens, webhooks are accepted, all converge after its return', async () => {
    const ids = addOrders(30);
    const connector = await startConnector();
    await commercetools.down();
    await walkAll(ids);
    await vi.waitFor(
      async () => expect(await connector.metric('circuit_open', 'commercetools')).toBe(1),
      patience,
    );
    expect(await connector.status('/health/ready')).toBe(200);
    expect(disagreeing().length).toBeGreaterThan(0);
    await commercetools.up();
    await expectNothingLost();
    expectNoStepBack();
  });

  it('Fluent down: neither commercetools nor the log is flooded by what is held back', async () => {
    const ids = addOrders(200);
    const connector = await startConnector();
    await fluent.down();
    for (const id of ids) await fluent.move(id, 'BOOKED');
    await vi.waitFor(async () => expect(await connector.metric('circuit_open', 'fluent')).toBe(1), patience);
    const told = () => lines.filter(({ msg }) => String(msg).startsWith('circuit of fluent:ACME is open'));
    await vi.waitFor(() => expect(told().length).toBeGreaterThan(0), patience);
    // Each round of held-back work is more than the calls of the probes and of those that opened the circuit.
    await vi.waitFor(
      async () => expect(await connector.metric('notifications_total', 'retried')).toBeGreaterThan(400),
      patience,
    );
    expect(commercetools.requests.count('order')).toBeLessThan(200);
    expect(lines.filter(({ outcome }) => outcome === 'retried').length).toBeLessThan(200);
    await fluent.up();
    await expectNothingLost();
    expect(lines.some(({ msg }) => msg === 'circuit of fluent:ACME is closed again')).toBe(true);
  });

  it('Fluent hanging: calls time out, all converge when it answers again', async () => {
    const ids = addOrders(20);
    await startConnector();
    fluent.faults.set({ kind: 'hang' });
    await walkAll(ids);
    await vi.waitFor(() => expect(lines.some((line) => line['outcome'] === 'retried')).toBe(true), patience);
    fluent.faults.clear();
    await expectNothingLost();
    expectNoStepBack();
  });

  it('writes that were applied although the answer was lost: converge without a step back', async () => {
    const ids = addOrders(20);
    await startConnector();
    commercetools.faults.set({ kind: 'uncertain', probability: 0.3, seed: 5 });
    await walkAll(ids);
    await expectNothingLost();
    expectNoStepBack();
  });

  it('conflicts all the time: converge', async () => {
    const ids = addOrders(20);
    const connector = await startConnector();
    commercetools.faults.set({ kind: 'conflict', probability: 0.5, seed: 5 });
    await walkAll(ids);
    await expectNothingLost();
    expect(await connector.metric('conflicts_total')).toBeGreaterThan(10);
    expectNoStepBack();
  });
});

describe('stopping', { timeout: TEST_MS }, () => {
  it('accepts webhooks while traffic moves away, finishes its work and exits with 0', async () => {
    const [id = ''] = addOrders(1);
    commercetools.faults.set({ kind: 'latency', ms: 300 });
    const connector = await startConnector({ DRAIN_DELAY: '1' });
    const exit = connector.stop();
    await vi.waitFor(async () => expect(await connector.status('/health/ready')).toBe(503), patience);
    expect((await fluent.move(id, 'BOOKED')).result).toBe('accepted');
    expect(await exit).toBe(0);
    await startConnector();
    await vi.waitFor(() => expect(disagreeing()).toEqual([]), patience);
  });

  it('a rolling update under load loses nothing', async () => {
    const ids = addOrders(60);
    const port = String(await freePort());
    const old = await startConnector({ PORT: port });
    const walks = walkAll(ids);
    await vi.waitFor(() => expect(ended().size).toBeGreaterThan(30), patience);
    expect(await old.stop()).toBe(0);
    await startConnector({ PORT: port });
    await walks;
    await expectNothingLost();
    expectNoStepBack();
  });

  it('ends in time and with 0 while Redis is away', async () => {
    const connector = await startConnector({ SHUTDOWN_TIMEOUT: '5' });
    await redis.kill();
    try {
      await vi.waitFor(async () => expect(await connector.status('/health/ready')).toBe(503), patience);
      const startedAt = performance.now();
      expect(await connector.stop()).toBe(0);
      expect(performance.now() - startedAt).toBeLessThan(10_000);
    } finally {
      await redis.restart();
    }
  });

  it('ends at once on a second signal', async () => {
    const [id = ''] = addOrders(1);
    commercetools.faults.set({ kind: 'hang' });
    const connector = await startConnector({ HTTP_CLIENT_TIMEOUT: '20000', SHUTDOWN_TIMEOUT: '20' });
    await fluent.move(id, 'BOOKED');
    await vi.waitFor(async () => expect(await connector.metric('queue_jobs', 'active')).toBe(1), patience);
    void connector.stop();
    await vi.waitFor(async () => expect(await connector.status('/health/ready')).not.toBe(200), patience);
    const startedAt = performance.now();
    expect(await connector.stop('SIGTERM')).not.toBe(0);
    expect(performance.now() - startedAt).toBeLessThan(3000);
  });
});
