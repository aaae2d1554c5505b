import { describe, expect, vi } from 'vitest';
import { freePort } from '../src/testing/free-port.js';
import { SHORT_WAITS, createIt, resentEvery100Ms } from './support/harness.js';
import { WAIT } from './support/wait.js';

const TEST_MS = 120_000;

const it = createIt();
it.override('redisOptions', { aof: true });
it.override('fluentOptions', resentEvery100Ms(400));
it.override('environment', SHORT_WAITS);

describe('a worker that is killed in the middle of a job', { timeout: TEST_MS }, () => {
  it('leaves the job to another worker', async ({ harness }) => {
    const { fluent, commercetools } = harness;
    const id = harness.addOrder('O_1');
    const first = await harness.startConnector();
    let reached = false;
    const release = commercetools.intercept(async ({ mutation }) => {
      if (!mutation) return;
      reached = true;
      await new Promise(() => undefined);
    });
    await fluent.move(id, 'BOOKED');
    await vi.waitFor(() => expect(reached).toBe(true), WAIT);
    await first.kill();
    release();
    expect(harness.disagreements()).toHaveLength(1);
    await harness.startInProcess();
    await harness.expectNothingLost();
    harness.expectNoStepBack();
  });

  it('loses nothing under load while another replica works', async ({ harness }) => {
    const ids = harness.addOrders(60);
    const victim = await harness.startConnector({ CONNECTOR_ROLE: 'worker' });
    await harness.startInProcess();
    harness.commercetools.faults.set({ kind: 'latency', ms: 30 });
    const walks = harness.walkAll(ids);
    await vi.waitFor(() => expect(harness.finishedIds().size).toBeGreaterThan(30), WAIT);
    await victim.kill();
    await walks;
    await harness.expectAgreementOfAll();
    // The log of the killed worker may lack lines for work that it had done.
    expect(harness.fluent.webhooks.counts.failed).toBe(0);
    harness.expectNoStepBack();
  });
});

describe('an ingress that is killed while it stores notifications together', { timeout: TEST_MS }, () => {
  it('loses nothing that it answered', async ({ harness }) => {
    const { fluent } = harness;
    const ids = harness.addOrders(300);
    const port = String(await freePort());
    const ingress = await harness.startConnector({ PORT: port, CONNECTOR_ROLE: 'ingress' });
    const moves = ids.map((id) => fluent.move(id, 'BOOKED'));
    await Promise.race(moves);
    await ingress.kill();
    expect(fluent.webhooks.counts.accepted).toBeLessThan(ids.length);
    await harness.startInProcess({ PORT: port });
    await Promise.all(moves);
    await harness.expectNothingLost();
  });
});

describe('a Redis that is killed and restarted under load', { timeout: TEST_MS }, () => {
  it('loses nothing that was accepted', async ({ harness, redis }) => {
    const { webhooks } = harness.fluent;
    const ids = harness.addOrders(60);
    await harness.startInProcess();
    const walks = harness.walkAll(ids);
    await vi.waitFor(() => expect(webhooks.counts.accepted).toBeGreaterThan(60), WAIT);
    await redis.kill();
    const { attempts } = webhooks.counts;
    await vi.waitFor(() => expect(webhooks.counts.attempts).toBeGreaterThan(attempts + 50), WAIT);
    await redis.restart();
    await walks;
    await harness.expectNothingLost();
    harness.expectNoStepBack();
  });
});

describe('an upstream in trouble', { timeout: TEST_MS }, () => {
  it('opens the circuit of commercetools, and all orders converge after its return', async ({ harness }) => {
    const ids = harness.addOrders(30);
    const connector = await harness.startInProcess();
    await harness.commercetools.down();
    await harness.walkAll(ids);
    await vi.waitFor(
      async () => expect(await connector.metric('circuit_open', 'commercetools')).toBe(1),
      WAIT,
    );
    expect(await connector.status('/health/ready')).toBe(200);
    expect(harness.disagreements().length).toBeGreaterThan(0);
    await harness.commercetools.up();
    await harness.expectNothingLost();
    harness.expectNoStepBack();
  });

  it('floods neither commercetools nor the log while Fluent is down', async ({ harness }) => {
    const { fluent, commercetools, lines } = harness;
    const ids = harness.addOrders(200);
    const connector = await harness.startInProcess();
    await fluent.down();
    for (const id of ids) await fluent.move(id, 'BOOKED');
    await vi.waitFor(async () => expect(await connector.metric('circuit_open', 'fluent')).toBe(1), WAIT);
    const announced = () => lines.some(({ msg }) => String(msg).startsWith('circuit of fluent:ACME is open'));
    await vi.waitFor(() => expect(announced()).toBe(true), WAIT);
    // Each round of deferred work is more than the calls of the probes and of those that opened the circuit.
    await vi.waitFor(
      async () => expect(await connector.metric('notifications_total', 'retried')).toBeGreaterThan(400),
      WAIT,
    );
    expect(commercetools.requests.count('order')).toBeLessThan(200);
    expect(lines.filter(({ outcome }) => outcome === 'retried').length).toBeLessThan(200);
    await fluent.up();
    await harness.expectNothingLost();
    expect(lines.some(({ msg }) => msg === 'circuit of fluent:ACME is closed again')).toBe(true);
  });

  it('times out calls to a Fluent that hangs, and all orders converge when it answers again', async ({
    harness,
  }) => {
    const { fluent, lines } = harness;
    const ids = harness.addOrders(20);
    await harness.startInProcess();
    fluent.faults.set({ kind: 'hang' });
    await harness.walkAll(ids);
    await vi.waitFor(() => expect(lines.some(({ outcome }) => outcome === 'retried')).toBe(true), WAIT);
    fluent.faults.clear();
    await harness.expectNothingLost();
    harness.expectNoStepBack();
  });

  it('converges without a step back when answers to successful writes are lost', async ({ harness }) => {
    const ids = harness.addOrders(20);
    await harness.startInProcess();
    harness.commercetools.faults.set({ kind: 'uncertain', probability: 0.3, seed: 5 });
    await harness.walkAll(ids);
    await harness.expectNothingLost();
    harness.expectNoStepBack();
  });

  it('converges when the server dies after two of four updates that share a request', async ({ harness }) => {
    const { fluent, commercetools } = harness;
    const ids = harness.addOrders(400);
    await harness.startInProcess({ CONNECTOR_ROLE: 'ingress' });
    await Promise.all(ids.map((id) => fluent.move(id, 'BOOKED')));
    const fault = commercetools.faults.add({
      kind: 'uncertain',
      applied: 2,
      operation: 'updateOrder',
      probability: 0.5,
    });
    // More updates at once than requests, so that they share some.
    await harness.startInProcess({ CONNECTOR_ROLE: 'worker', QUEUE_CONCURRENCY: '256' });
    const halved = (): number =>
      commercetools.requests
        .recent('updateOrder')
        .filter(({ status, fields }) => status === 0 && fields.length > 2).length;
    await vi.waitFor(() => expect(halved()).toBeGreaterThan(3), WAIT);
    fault.off();
    await harness.expectNothingLost();
    harness.expectNoStepBack();
  });

  it('converges while every other write conflicts', async ({ harness }) => {
    const ids = harness.addOrders(20);
    const connector = await harness.startInProcess();
    harness.commercetools.faults.set({ kind: 'conflict', probability: 0.5, seed: 5 });
    await harness.walkAll(ids);
    await harness.expectNothingLost();
    expect(await connector.metric('conflicts_total')).toBeGreaterThan(10);
    harness.expectNoStepBack();
  });
});

describe('a connector that stops', { timeout: TEST_MS }, () => {
  it('accepts webhooks while traffic moves away, finishes its work and exits with 0', async ({ harness }) => {
    const id = harness.addOrder('O_1');
    harness.commercetools.faults.set({ kind: 'latency', ms: 300 });
    const connector = await harness.startConnector({ DRAIN_DELAY: '1' });
    const exit = connector.stop();
    await vi.waitFor(async () => expect(await connector.status('/health/ready')).toBe(503), WAIT);
    expect((await harness.fluent.move(id, 'BOOKED')).result).toBe('accepted');
    expect(await exit).toBe(0);
    await harness.startInProcess();
    await harness.expectAgreementOfAll();
  });

  it('loses nothing in a rolling update under load', async ({ harness }) => {
    const ids = harness.addOrders(60);
    const port = String(await freePort());
    const old = await harness.startConnector({ PORT: port });
    const walks = harness.walkAll(ids);
    await vi.waitFor(() => expect(harness.finishedIds().size).toBeGreaterThan(30), WAIT);
    expect(await old.stop()).toBe(0);
    await harness.startInProcess({ PORT: port });
    await walks;
    await harness.expectNothingLost();
    harness.expectNoStepBack();
  });

  it('exits with 0 although Redis is away', async ({ harness, redis }) => {
    const connector = await harness.startConnector({ SHUTDOWN_TIMEOUT: '1' });
    await redis.kill();
    try {
      await vi.waitFor(async () => expect(await connector.status('/health/ready')).toBe(503), WAIT);
      expect(await connector.stop()).toBe(0);
    } finally {
      await redis.restart();
    }
  });

  it('gives up on its running work at a second signal, and does not exit with 0', async ({ harness }) => {
    const { fluent, commercetools } = harness;
    const id = harness.addOrder('O_1');
    commercetools.faults.set({ kind: 'hang' });
    // Without the second signal it would wait for longer than this test may take.
    const connector = await harness.startConnector({
      HTTP_CLIENT_TIMEOUT: '300000',
      SHUTDOWN_TIMEOUT: '300',
    });
    await fluent.move(id, 'BOOKED');
    await vi.waitFor(async () => expect(await connector.metric('queue_jobs', 'active')).toBe(1), WAIT);
    void connector.stop();
    await vi.waitFor(async () => expect(await connector.status('/health/ready')).not.toBe(200), WAIT);
    expect(await connector.stop('SIGTERM')).not.toBe(0);
  });
});
