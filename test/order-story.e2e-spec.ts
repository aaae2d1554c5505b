import { Redis } from 'ioredis';
import { describe, expect, vi } from 'vitest';
import { ConnectorConfig } from '../src/config/index.js';
import { OrderStories } from '../src/order-story/index.js';
import type { TestConnector } from '../src/testing/index.js';
import { ADMIN_TOKEN, AdminClient } from './support/admin-client.js';
import { it } from './support/harness.js';
import { WAIT } from './support/wait.js';

const STATUS_UPDATE = 'fc.connect.order.webhook.status-update';

interface Told {
  readonly verdict: string;
  readonly story: {
    readonly notifications: readonly (Readonly<Record<string, unknown>> & {
      readonly outcome: string;
      readonly details?: { readonly states: Readonly<Record<string, string>> };
    })[];
  };
}

/** Sends a webhook of an order that commercetools does not have. @returns what sends the next one. */
async function announceMissingOrder(connector: TestConnector): Promise<() => Promise<unknown>> {
  const { id } = connector.fluent.addOrder({ ref: 'O_1' });
  const announce = (): Promise<unknown> =>
    connector.send({ name: STATUS_UPDATE, entityId: id, entityRef: 'O_1' });
  await announce();
  return announce;
}

describe("an order's story", () => {
  it('tells of each notification what was read, mapped and sent', async ({ startTestConnector }) => {
    const connector = await startTestConnector({ env: { ADMIN_TOKEN } });
    const { fluent } = connector.addOrder({ ref: 'O_1' });
    await connector.fluent.move(fluent.id, 'BOOKED');
    await connector.settled();
    const { body } = await new AdminClient(connector.url).get<Told>('/orders/O_1');
    expect(body.story.notifications).toHaveLength(1);
    expect(body.story.notifications[0]).toMatchObject({
      source: 'webhook',
      announced: 'BOOKED',
      outcome: 'updated',
      attempts: 1,
      details: { fluentStatus: 'BOOKED', states: { orderState: 'Open -> Confirmed' }, order: 'O_1' },
    });
  });

  it.for<[string, Record<string, string>, number]>([
    ['is recorded while an admin token can show it', { ADMIN_TOKEN }, 1],
    ['is not recorded while no admin token can show it', {}, 0],
    ['is not recorded with HISTORY_TTL=0', { ADMIN_TOKEN, HISTORY_TTL: '0' }, 0],
  ])('%s', async ([, env, entries], { startTestConnector }) => {
    const connector = await startTestConnector({ env });
    await connector.fluent.move(connector.addOrder({ ref: 'O_1' }).fluent.id, 'BOOKED');
    await connector.settled();
    // Reading writes first what still waits in memory.
    const story = await connector.app.get(OrderStories).read({ accountId: 'ACME', order: 'O_1' });
    expect(story).toHaveLength(entries);
  });

  it('has the notifications that wait, also those that name the order by its id alone, and none of others', async ({
    startTestConnector,
  }) => {
    const connector = await startTestConnector({ env: { ADMIN_TOKEN } });
    const admin = new AdminClient(connector.url);
    const { fluent } = connector.addOrder({ ref: 'O_1' });
    await admin.post('/accounts/ACME/pause', { reason: 'wrong mapping' });
    const acceptedFrom = Date.now();
    await connector.fluent.move(fluent.id, 'BOOKED');
    const ofOrder = { rootEntityType: 'ORDER', rootEntityId: fluent.id, rootEntityRef: undefined };
    const child = { name: STATUS_UPDATE, entityType: 'FULFILMENT', entityId: 'f', entityStatus: 'SHIPPED' };
    await connector.send({ ...child, ...ofOrder, id: 'by id', entityRef: 'F_1' });
    // A fulfilment of another order, which is called like the order.
    await connector.send({ ...child, entityRef: 'O_1', rootEntityType: 'ORDER', rootEntityRef: 'O_2' });
    const { verdict, story } = (await admin.get<Told>('/orders/O_1')).body;
    expect(story).not.toHaveProperty('problem');
    expect(story.notifications).toMatchObject([
      { source: 'webhook', announced: 'BOOKED', outcome: 'waiting', attempts: 0 },
      { source: 'webhook', notificationId: 'by id', outcome: 'waiting', attempts: 0 },
    ]);
    const acceptedAt = Date.parse(String(story.notifications[0]?.['acceptedAt']));
    expect(Math.abs(acceptedAt - acceptedFrom)).toBeLessThan(60_000);
    expect(verdict).toContain('waits to be processed');
    await admin.post('/accounts/ACME/resume');
    await connector.settled();
    const { notifications } = (await admin.get<Told>('/orders/O_1')).body.story;
    expect(notifications.map(({ outcome }) => outcome)).not.toContain('waiting');
    expect(notifications.length).toBeGreaterThan(0);
  });

  it('shows a dead letter that was replayed as waiting, and then how it ended, in one entry', async ({
    startTestConnector,
  }) => {
    const connector = await startTestConnector({ env: { ADMIN_TOKEN, ORDER_NOT_FOUND_MAX_AGE: '0' } });
    await announceMissingOrder(connector);
    await connector.waitForRun({ outcome: 'dead' });
    const admin = new AdminClient(connector.url);
    const outcomes = async (): Promise<string[]> =>
      (await admin.get<Told>('/orders/O_1')).body.story.notifications.map(({ outcome }) => outcome);
    expect(await outcomes()).toEqual(['dead']);
    await admin.post('/accounts/ACME/pause', { reason: 'wrong mapping' });
    expect(await connector.queue.replayAll()).toBe(1);
    expect(await outcomes()).toEqual(['waiting']);
    connector.commercetools.addOrder({ orderNumber: 'O_1' });
    await admin.post('/accounts/ACME/resume');
    await connector.settled();
    expect(await outcomes()).toEqual(['updated']);
  });

  it('says that it may be incomplete when the queue cannot search', async ({ startTestConnector }) => {
    const connector = await startTestConnector({ env: { ADMIN_TOKEN } });
    Object.assign(connector.queue, {
      findUnfinished: () => Promise.resolve({ found: [], isComplete: false }),
    });
    await connector.fluent.move(connector.addOrder({ ref: 'O_1' }).fluent.id, 'BOOKED');
    await connector.settled();
    const { story } = (await new AdminClient(connector.url).get<Told>('/orders/O_1')).body;
    expect(story.notifications).toMatchObject([{ outcome: 'updated' }]);
    expect(story).toMatchObject({ problem: expect.stringContaining('may be missing') });
  });

  it('keeps one entry of a notification that is retried, with its attempts and last error', async ({
    startTestConnector,
  }) => {
    const connector = await startTestConnector({ env: { ADMIN_TOKEN } });
    await announceMissingOrder(connector);
    const admin = new AdminClient(connector.url);
    await vi.waitFor(async () => {
      const { verdict, story } = (await admin.get<Told>('/orders/O_1')).body;
      expect(story.notifications).toHaveLength(1);
      expect(story.notifications[0]).toMatchObject({ outcome: 'retried' });
      expect(story.notifications[0]?.['attempts']).toBeGreaterThan(2);
      expect(verdict).toContain('The notification is retried');
    }, WAIT);
  });

  it('removes a dead letter that a later notification has healed, and keeps it in the story', async ({
    startTestConnector,
  }) => {
    const connector = await startTestConnector({ env: { ADMIN_TOKEN, ORDER_NOT_FOUND_MAX_AGE: '0' } });
    const announce = await announceMissingOrder(connector);
    await connector.waitForRun({ outcome: 'dead' });
    const admin = new AdminClient(connector.url);
    expect((await admin.get<Told>('/orders/O_1')).body.verdict).toContain('failed for good');
    connector.commercetools.addOrder({ orderNumber: 'O_1' });
    await announce();
    await vi.waitFor(async () => {
      expect((await connector.queue.counts()).dead).toBe(0);
      const { notifications } = (await admin.get<Told>('/orders/O_1')).body.story;
      const letter = notifications.find(({ outcome }) => outcome === 'dead');
      expect(letter?.['healedAt']).toBeDefined();
      expect(letter?.['deadLetterId']).toBeUndefined();
    }, WAIT);
  });

  it('keeps the other notifications of an order when one is retried a hundred times', async ({
    startTestConnector,
  }) => {
    const connector = await startTestConnector({ env: { ADMIN_TOKEN } });
    const stories = connector.app.get(OrderStories);
    const key = { accountId: 'ACME', order: 'O_1' };
    const entry = { name: STATUS_UPDATE, acceptedAt: Date.now(), at: Date.now(), attempt: 1 };
    stories.add(key, { ...entry, notificationId: 'once', outcome: 'updated' });
    const error = { name: 'Error', message: 'busy' };
    for (let attempt = 1; attempt <= 100; attempt++)
      stories.add(key, { ...entry, notificationId: 'often', outcome: 'retried', attempt, error });
    const details = { said: 'x'.repeat(5000) };
    stories.add(key, { ...entry, notificationId: 'wordy', outcome: 'updated', details });
    expect(await stories.read(key)).toEqual([
      { ...entry, notificationId: 'once', outcome: 'updated' },
      { ...entry, notificationId: 'often', outcome: 'retried', attempt: 100, error },
      { ...entry, notificationId: 'wordy', outcome: 'updated' },
    ]);
  });

  it('keeps at most 30 notifications of an order, and forgets the oldest orders beyond its memory', async ({
    startTestConnector,
  }) => {
    const connector = await startTestConnector({ env: { ADMIN_TOKEN, HISTORY_MAX_MEMORY: '1' } });
    const stories = connector.app.get(OrderStories);
    const entry = (index: number) => ({
      notificationId: `n-${index}`,
      name: STATUS_UPDATE,
      acceptedAt: Date.now(),
      at: Date.now() + index,
      outcome: 'dead' as const,
      attempt: 1,
      error: { name: 'Error', message: 'x'.repeat(300) },
    });
    for (let index = 0; index < 40; index++) stories.add({ accountId: 'ACME', order: 'O_1' }, entry(index));
    const first = await vi.waitFor(async () => {
      const kept = await stories.read({ accountId: 'ACME', order: 'O_1' });
      expect(kept.at(-1)?.notificationId).toBe('n-39');
      return kept;
    }, WAIT);
    expect(first).toHaveLength(30);

    for (let index = 0; index < 3000; index++)
      stories.add({ accountId: 'ACME', order: `P_${index}` }, entry(100 + index));
    await vi.waitFor(async () => {
      expect(await stories.read({ accountId: 'ACME', order: 'P_2999' })).toHaveLength(1);
    }, WAIT);
    expect(await stories.read({ accountId: 'ACME', order: 'O_1' })).toEqual([]);
    const { redis } = connector.app.get(ConnectorConfig).queue;
    const client = new Redis(redis?.topology === 'single' ? redis.url : '');
    try {
      const counted = Number(await client.get('{fluent-connector}:stories:bytes'));
      expect(counted).toBeLessThanOrEqual(1_048_576);
      const orders = await client.zrange('{fluent-connector}:stories', 0, -1);
      expect(orders.length).toBeGreaterThan(500);
      expect(new Set(await client.smembers('{fluent-connector}:stories:dead'))).toEqual(new Set(orders));
      let bytes = 0;
      for (const order of orders) {
        bytes += (await client.memory('USAGE', `{fluent-connector}:story:${order}`)) ?? 0;
      }
      // What is counted is what Redis uses, within a half.
      expect(bytes).toBeLessThan(counted * 1.5);
    } finally {
      client.disconnect();
    }
  });
});
