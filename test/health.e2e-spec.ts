import { describe, expect, vi } from 'vitest';
import { RedisConnections } from '../src/redis/index.js';
import { ADMIN_TOKEN, AdminClient } from './support/admin-client.js';
import { it } from './support/harness.js';
import { WAIT } from './support/wait.js';

const UNFINISHED = '{fluent-connector}:notifications:unfinished';
const MINUTE_MS = 60_000;

interface Health {
  readonly status: string;
  readonly details: Readonly<Record<string, Readonly<Record<string, unknown>>>>;
}

async function healthOf(url: string): Promise<Health> {
  const response = await fetch(`${url}/health`);
  // Traffic still goes to it: it accepts webhooks.
  expect(response.status).toBe(200);
  return (await response.json()) as Health;
}

describe('GET /health', () => {
  it('is degraded while one operation lacks a permission, says so, and recovers by itself', async ({
    startTestConnector,
  }) => {
    const connector = await startTestConnector();
    const refusal = connector.fluent.faults.add({ kind: 'forbidden', operation: 'orderById' });
    await connector.fluent.move(connector.addOrder({ ref: 'O_1' }).fluent.id, 'BOOKED');
    const target = `fluent:${connector.fluent.accountId}`;
    await vi.waitFor(async () => {
      const { details } = await healthOf(connector.url);
      expect(details[target]).toMatchObject({
        status: 'degraded',
        refused: [expect.objectContaining({ outcome: 'configuration' })],
        advice: expect.stringContaining(
          `Fluent account ${connector.fluent.accountId} refuses OrderById: correct the permissions`,
        ),
      });
    }, WAIT);
    refusal.off();
    await connector.settled();
    expect((await healthOf(connector.url)).details[target]?.['status']).toBe('up');
  });

  it('is degraded while a notification is unfinished for more than 15 minutes, and says what to do', async ({
    startTestConnector,
  }) => {
    const connector = await startTestConnector({ env: { ADMIN_TOKEN } });
    const admin = new AdminClient(connector.url);
    await admin.post('/accounts/ACME/pause', { reason: 'so that it waits' });
    await connector.fluent.move(connector.addOrder({ ref: 'O_1' }).fluent.id, 'BOOKED');
    expect((await healthOf(connector.url)).details['notifications']?.['status']).toBe('up');

    // As if it had been accepted earlier.
    const redis = connector.app.get(RedisConnections).failFast;
    const [id = ''] = await redis.zrange(UNFINISHED, 0, -1);
    await redis.zadd(UNFINISHED, Date.now() - 16 * MINUTE_MS, id);
    const { details } = await healthOf(connector.url);
    expect(details['notifications']).toMatchObject({
      status: 'degraded',
      advice: expect.stringContaining('/admin/orders/'),
    });
    expect(Number(details['notifications']?.['oldestUnfinishedSeconds'])).toBeGreaterThan(15 * 60);
    await admin.post('/accounts/ACME/resume');
    await connector.settled();
    expect((await healthOf(connector.url)).details['notifications']?.['status']).toBe('up');
  });
});
