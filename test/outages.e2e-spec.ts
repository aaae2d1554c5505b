import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import {
  PrivateRedis,
  createTestConnector,
  generateWebhookKeys,
  type CommercetoolsEmulator,
  type Fault,
  type FluentEmulator,
  type TestConnector,
} from '../src/testing/index.js';
import { startLocalServer } from './support/local-server.js';
import { WAIT } from './support/wait.js';

/** `RETRY_MAX_AGE` in this file. In production it is a day, and the outage of these tests would last for two and more. */
const MAX_AGE_MS = 2000;
const OUTAGE_MS = 2.5 * MAX_AGE_MS;
const ENVIRONMENT = {
  RETRY_MAX_AGE: String(MAX_AGE_MS / 1000),
  RETRY_BASE_DELAY: '50',
  RETRY_MAX_DELAY: '200',
  ORDER_NOT_FOUND_MAX_AGE: '60',
  HTTP_CLIENT_TIMEOUT: '300',
  STATUS_HISTORY: 'off',
};

type Shape = readonly [name: string, fault: Fault | 'refused'];

const SHAPES: readonly Shape[] = [
  ['refuses connections', 'refused'],
  ['resets connections', { kind: 'reset' }],
  ['never answers', { kind: 'hang' }],
  ['answers 500', { kind: 'error' }],
  ['answers 503', { kind: 'error', status: 503 }],
  ['answers 502 with a page', { kind: 'html' }],
  ['answers 504 with a page', { kind: 'html', status: 504 }],
  ['answers 500 with a page', { kind: 'html', status: 500 }],
  ['answers 200 with a page', { kind: 'html', status: 200 }],
];
const OF_COMMERCETOOLS: readonly Shape[] = [
  ...SHAPES,
  ['answers General', { kind: 'graphql-error', code: 'General', status: 500 }],
  ['answers General at 200', { kind: 'graphql-error', code: 'General' }],
  ['answers an unknown code at 200', { kind: 'graphql-error', code: 'Unheard' }],
  ['answers reads, and writes with 500', { kind: 'error', operation: 'updateOrder' }],
  ['answers reads, and writes with 503', { kind: 'error', status: 503, operation: 'updateOrder' }],
  ['answers reads, and no write', { kind: 'hang', operation: 'updateOrder' }],
];
const OF_FLUENT: readonly Shape[] = [
  ...SHAPES,
  ['answers its overload', { kind: 'graphql-error', code: 'S0020E', status: 503 }],
  ['answers a service error at 200', { kind: 'graphql-error', code: 'S0020E' }],
  ['answers a technical error at 200', { kind: 'graphql-error', code: 'T0001E' }],
  ['answers settings, and orders with 500', { kind: 'error', operation: 'orderById' }],
];

const webhookKeys = generateWebhookKeys();
let redis: PrivateRedis;
beforeAll(async () => {
  redis = await PrivateRedis.start({ aof: false });
});
afterAll(() => redis.stop());

const start = (env: Readonly<Record<string, string>> = {}) =>
  createTestConnector({ redisUrl: redis.url, fluent: { webhookKeys }, env: { ...ENVIRONMENT, ...env } });

/** Breaks an emulator. @returns what mends it. */
async function broken(
  emulator: FluentEmulator | CommercetoolsEmulator,
  fault: Fault | 'refused',
): Promise<() => Promise<unknown>> {
  if (fault === 'refused') {
    await emulator.down();
    return () => emulator.up();
  }
  emulator.faults.set(fault);
  return () => Promise.resolve(emulator.faults.clear());
}

/** @returns the refs of the orders whose webhook was accepted while the emulator was broken. */
async function bookDuring(connector: TestConnector, name: string, count: number): Promise<string[]> {
  const refs = Array.from({ length: count }, (_, index) => `${name}_${index}`);
  for (const ref of refs) {
    const { fluent } = connector.addOrder({ ref });
    expect((await connector.fluent.move(fluent.id, 'BOOKED')).result).toBe('accepted');
  }
  return refs;
}

async function expectConverged({ commercetools, runs, queue }: TestConnector, refs: readonly string[]) {
  await vi.waitFor(() => {
    const states = refs.map((ref) => commercetools.order(ref)?.orderState);
    expect(states).toEqual(refs.map(() => 'Confirmed'));
  }, WAIT);
  expect(runs.filter(({ outcome }) => outcome === 'dead')).toEqual([]);
  expect(await queue.deadLetters()).toEqual([]);
}

describe.each([
  ['commercetools', OF_COMMERCETOOLS],
  ['fluent', OF_FLUENT],
] as const)('an outage of %s of more than twice RETRY_MAX_AGE', (upstream, shapes) => {
  // Two orders: too few to open a circuit with server faults, so that the age of the retries alone decides.
  it.concurrent.each(shapes)('makes no dead letter of a quiet account while it %s', async (_, fault) => {
    await using connector = await start();
    // The connector has been working for a while.
    await expectConverged(connector, await bookDuring(connector, 'BEFORE', 1));
    const mend = await broken(connector[upstream], fault);
    const refs = await bookDuring(connector, 'DURING', 2);
    await vi.waitFor(
      () => expect(connector.runs.some(({ outcome }) => outcome === 'retried')).toBe(true),
      WAIT,
    );
    // The outage is a time, not a condition.
    await delay(OUTAGE_MS);
    await mend();
    await expectConverged(connector, refs);
  });
});

describe('an outage of more than twice RETRY_MAX_AGE', () => {
  it('that fails the writes of many orders opens the circuit, so that few of them are sent', async () => {
    await using connector = await start();
    const { commercetools } = connector;
    const target = `commercetools:${commercetools.projectKey}`;
    const mend = await broken(commercetools, { kind: 'error', operation: 'updateOrder' });
    const refs = await bookDuring(connector, 'O', 30);
    const health = async () => (await (await fetch(`${connector.url}/health`)).json()) as { details: object };
    await vi.waitFor(
      async () => expect((await health()).details).toMatchObject({ [target]: { circuit: 'open' } }),
      WAIT,
    );
    const sentBefore = commercetools.requests.count('updateOrder');
    await delay(OUTAGE_MS);
    // The circuit is open for 1, 2 and 4 s: 30 orders every 200 ms would be 750 writes.
    expect(commercetools.requests.count('updateOrder') - sentBefore).toBeLessThan(75);
    await mend();
    await expectConverged(connector, refs);
  });
});

describe('one order that an upstream fails with, while it answers for others', () => {
  it('becomes a dead letter when RETRY_MAX_AGE is over', async () => {
    let apiUrl = '';
    await using proxy = await startLocalServer(async ({ path, headers, body }) => {
      if (body.includes('POISON')) return { status: 500, json: { message: 'broken' } };
      const { authorization = '', 'content-type': contentType = '' } = headers;
      const forwarded = { authorization, 'content-type': contentType };
      const answer = await fetch(apiUrl + path, { method: 'POST', body, headers: forwarded });
      return { status: answer.status, json: await answer.json() };
    });
    await using connector = await start({ CTP_API_URL: proxy.url });
    apiUrl = connector.commercetools.environment['CTP_API_URL'] ?? '';
    await bookDuring(connector, 'POISON', 1);
    const others: string[] = [];
    await vi.waitFor(async () => {
      others.push(...(await bookDuring(connector, `O${others.length}`, 1)));
      expect(await connector.queue.deadLetters()).toHaveLength(1);
    }, WAIT);
    const [letter] = await connector.queue.deadLetters();
    expect(letter?.notification.entityRef).toBe('POISON_0');
    const livedMs = letter!.diedAt.getTime() - letter!.firstFailedAt!.getTime();
    expect(livedMs).toBeGreaterThanOrEqual(MAX_AGE_MS);
    await vi.waitFor(() => {
      const states = others.map((ref) => connector.commercetools.order(ref)?.orderState);
      expect(states).toEqual(others.map(() => 'Confirmed'));
    }, WAIT);
  });
});
