import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { ConfigurationError } from '../src/errors.js';
import { ConnectorMetrics } from '../src/metrics/index.js';
import { PrivateRedis, createTestConnector, type TestConnector } from '../src/testing/index.js';
import { WAIT } from './support/wait.js';

let redis: PrivateRedis;
beforeAll(async () => {
  redis = await PrivateRedis.start({ aof: false });
});
afterAll(() => redis.stop());

/** Two Fluent orders whose refs are one order number when the prefix is taken off; the first one has written it. */
async function twoOrders(env: Readonly<Record<string, string>> = {}) {
  const connector = await createTestConnector({
    redisUrl: redis.url,
    env: { ORDER_REF_PREFIX: 'X-', STATUS_HISTORY: 'off', ...env },
  });
  const shared = connector.commercetools.addOrder({ orderNumber: '1' });
  const first = connector.fluent.addOrder({ ref: 'X-1' });
  const second = connector.fluent.addOrder({ ref: '1' });
  await connector.fluent.move(first.id, 'BOOKED');
  await connector.settled();
  expect(shared.orderState).toBe('Confirmed');
  return { connector, shared, first, second };
}

const sharedOrders = async (connector: TestConnector) =>
  (await connector.app.get(ConnectorMetrics, { strict: false }).sharedOrders.get()).values[0]?.value ?? 0;

describe('two Fluent orders that lead to one commercetools order', () => {
  it('do not overwrite it in turn: the second is refused with both names, and the first goes on', async () => {
    const { connector, shared, first, second } = await twoOrders({ RETRY_MAX_AGE: '1' });
    await using _ = connector;
    await connector.fluent.move(second.id, 'COMPLETE');
    const { error } = await connector.waitForRun({ outcome: 'retried' });
    expect(error).toBeInstanceOf(ConfigurationError);
    for (const name of [first.id, 'ref X-1', second.id, 'ref 1', shared.id])
      expect(error?.message).toContain(name);
    await connector.waitForRun({ outcome: 'dead' });
    expect(shared.orderState).toBe('Confirmed');
    expect(await sharedOrders(connector)).toBeGreaterThan(1);

    await connector.fluent.move(first.id, 'COMPLETE');
    await connector.settled();
    expect(shared.orderState).toBe('Complete');
  });

  it('are no trouble while they agree', async () => {
    const { connector, second } = await twoOrders();
    await using _ = connector;
    await connector.fluent.move(second.id, 'BOOKED');
    await connector.settled();
    expect(connector.runs.at(-1)).toMatchObject({ outcome: 'unchanged' });
  });

  it('need nobody when the first is cancelled: the second takes over and the first leaves it alone', async () => {
    const { connector, shared, first, second } = await twoOrders();
    await using _ = connector;
    await connector.fluent.move(second.id, 'COMPLETE');
    await connector.waitForRun({ outcome: 'retried' });
    // Nobody tells of it: the retry asks Fluent.
    connector.fluent.setStatus(first.id, 'CANCELLED');
    await vi.waitFor(() => expect(shared.orderState).toBe('Complete'), WAIT);
    await connector.fluent.move(first.id, 'CANCELLED');
    await connector.settled();
    expect(connector.runs.at(-1)).toMatchObject({ outcome: 'unchanged' });
    expect(shared.orderState).toBe('Complete');
    expect(await connector.queue.deadLetters()).toEqual([]);
  });
});
