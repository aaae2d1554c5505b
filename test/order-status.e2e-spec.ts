import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import {
  createTestConnector,
  PrivateRedis,
  REFERENCE_MAPPINGS,
  type TestConnector,
} from '../src/testing/index.js';
import { agrees } from './support/agreement.js';
import { ConnectorProcess, type LogLine } from './support/connector-process.js';

const [ORDER_MAPPING, PAYMENT_MAPPING, SHIPPING_MAPPING] = Object.keys(REFERENCE_MAPPINGS) as [
  keyof typeof REFERENCE_MAPPINGS,
  keyof typeof REFERENCE_MAPPINGS,
  keyof typeof REFERENCE_MAPPINGS,
];
const NAME = 'fc.connect.order.webhook.order-status-update';

let connector: TestConnector;
let serial = 0;
const newRef = (): string => `O_${(serial += 1)}`;

beforeAll(async () => {
  connector = await createTestConnector();
});
afterAll(() => connector?.stop());
beforeEach(() => connector.fluent.useReferenceMappings());

/** @returns the sum of the series of a counter that have these labels. */
async function metric(series: string, labels: Record<string, string>, of = connector): Promise<number> {
  const text = await (await fetch(`${of.url}/metrics`)).text();
  return text
    .split('\n')
    .filter((line) => line.startsWith(`fluent_connector_${series}{`))
    .filter((line) => Object.entries(labels).every(([name, value]) => line.includes(`${name}="${value}"`)))
    .reduce((sum, line) => sum + Number(line.slice(line.lastIndexOf(' '))), 0);
}

async function moved(ref: string, status: string, of = connector) {
  const order = of.addOrder({ ref });
  of.fluent.setStatus(order.fluent.id, status);
  const notification = of.fluent.notification(order.fluent.id);
  expect(await of.fluent.webhooks.send(notification)).toMatchObject({ result: 'accepted' });
  return { ...order, notification, id: notification.id };
}

function useOrderMapping(fluent: Record<string, string>): void {
  connector.fluent.setSetting({
    name: ORDER_MAPPING,
    context: 'RETAILER',
    contextId: 1,
    valueType: 'JSON',
    lobValue: { fluent },
  });
}

describe('a webhook', () => {
  it('brings the order into agreement, and is counted once as updated', async () => {
    const before = await metric('notifications_total', { outcome: 'updated', name: NAME });
    const { commercetools, id } = await moved(newRef(), 'BOOKED');
    await connector.settled();
    expect(commercetools).toMatchObject({
      orderState: 'Confirmed',
      paymentState: 'Paid',
      shipmentState: 'Pending',
    });
    expect((await connector.waitForRun({ id })).outcome).toBe('updated');
    expect(await metric('notifications_total', { outcome: 'updated', name: NAME })).toBe(before + 1);
  });

  it('about a status that the order shows already sends nothing', async () => {
    const { fluent, id: first } = await moved(newRef(), 'BOOKED');
    await connector.waitForRun({ id: first });
    const writes = connector.commercetools.requests.count('updateOrder');
    const again = connector.fluent.notification(fluent.id);
    await connector.fluent.webhooks.send(again);
    expect((await connector.waitForRun({ id: again.id })).outcome).toBe('unchanged');
    expect(connector.commercetools.requests.count('updateOrder')).toBe(writes);
  });

  it('of a status in no mapping leaves the order alone, as an outcome of its own', async () => {
    const { commercetools, id } = await moved(newRef(), 'ON_HOLD');
    const { version } = commercetools;
    expect((await connector.waitForRun({ id })).outcome).toBe('unmapped');
    expect(commercetools.version).toBe(version);
    expect(await metric('notifications_total', { outcome: 'unmapped' })).toBeGreaterThan(0);
  });

  it('that comes twice is run once', async () => {
    const { notification, id } = await moved(newRef(), 'BOOKED');
    expect(await connector.fluent.webhooks.send(notification)).toMatchObject({ result: 'duplicate' });
    await connector.settled();
    expect(await connector.fluent.webhooks.send(notification)).toMatchObject({ result: 'duplicate' });
    expect(connector.runs.filter((run) => run.notification.id === id)).toHaveLength(1);
    expect(await metric('webhooks_total', { outcome: 'duplicate' })).toBeGreaterThanOrEqual(2);
  });

  it('one of ten that wait together is superseded by the run of another', async () => {
    await using burst = await createTestConnector({ env: { QUEUE_CONCURRENCY: '1' } });
    const order = burst.addOrder({ ref: 'O_1' });
    const blocker = burst.addOrder({ ref: 'O_2' });
    burst.fluent.faults.set({ kind: 'latency', ms: 300, operation: 'orderById', times: 1 });
    await burst.fluent.move(blocker.fluent.id, 'BOOKED');
    const notifications = Array.from({ length: 10 }, () => burst.fluent.notification(order.fluent.id));
    await Promise.all(notifications.map((notification) => burst.fluent.webhooks.send(notification)));
    await burst.settled();
    const outcomes = notifications.map(
      ({ id }) => burst.runs.find((run) => run.notification.id === id)?.outcome,
    );
    expect(outcomes.filter((outcome) => outcome === 'superseded')).toHaveLength(9);
    expect(await metric('notifications_total', { outcome: 'superseded' }, burst)).toBe(9);
  });

  it('that overtakes Fluent is looked at once more', async () => {
    const { fluent, commercetools } = connector.addOrder({ ref: newRef(), status: 'RECEIVED' });
    const early = connector.fluent.notification(fluent.id, { entityStatus: 'BOOKED' });
    const reads = connector.fluent.requests.count('orderById');
    await connector.fluent.webhooks.send(early);
    await expect.poll(() => connector.fluent.requests.count('orderById')).toBe(reads + 1);
    connector.fluent.setStatus(fluent.id, 'BOOKED');
    await connector.settled();
    expect(connector.fluent.requests.count('orderById')).toBe(reads + 2);
    expect(agrees(commercetools, 'BOOKED')).toBe(true);
  });
});

describe('on a bad day', () => {
  it('a mapping with a wrong value is retried, says what to correct, and heals by the correction', async () => {
    useOrderMapping({ BOOKED: 'Konfirmed' });
    const { commercetools, id } = await moved(newRef(), 'BOOKED');
    const { error } = await connector.waitForRun({ id, outcome: 'retried' });
    expect(error?.name).toBe('ConfigurationError');
    for (const part of [ORDER_MAPPING, 'BOOKED', 'Konfirmed', 'Open, Confirmed, Complete, Cancelled']) {
      expect(error?.message).toContain(part);
    }
    useOrderMapping({ BOOKED: 'Confirmed' });
    await connector.settled();
    expect(commercetools.orderState).toBe('Confirmed');
    expect((await connector.waitForRun({ id, outcome: 'updated' })).attempt).toBeGreaterThan(1);
  });

  it('a missing setting is retried, names the setting and the way to switch it off, and heals', async () => {
    connector.fluent.removeSetting(SHIPPING_MAPPING);
    const { commercetools, id } = await moved(newRef(), 'COMPLETE');
    const { error } = await connector.waitForRun({ id, outcome: 'retried' });
    expect(error?.message).toContain(SHIPPING_MAPPING);
    expect(error?.message).toContain('SHIPPING_STATUS_MAPPING_SETTING=off');
    connector.fluent.useReferenceMappings();
    await connector.settled();
    expect(agrees(commercetools, 'COMPLETE')).toBe(true);
  });

  it('a mapping that is switched off is not looked for', async () => {
    await using without = await createTestConnector({ env: { PAYMENT_STATUS_MAPPING_SETTING: 'off' } });
    without.fluent.removeSetting(PAYMENT_MAPPING);
    const { commercetools } = await moved('O_1', 'BOOKED', without);
    await without.settled();
    expect(commercetools).toMatchObject({ orderState: 'Confirmed', paymentState: null });
  });

  it('an order that commercetools does not have yet is waited for', async () => {
    const ref = newRef();
    const { id: orderId } = connector.fluent.addOrder({ ref, status: 'BOOKED' });
    const notification = connector.fluent.notification(orderId);
    await connector.fluent.webhooks.send(notification);
    const { error } = await connector.waitForRun({ id: notification.id, outcome: 'retried' });
    expect(error?.message).toMatch(new RegExp(`no order for the Fluent ref ${ref} .*ORDER_LOOKUP`));
    const order = connector.commercetools.addOrder({ orderNumber: ref });
    await connector.settled();
    expect(order.orderState).toBe('Confirmed');
  });

  it('an order that never comes becomes a dead letter, which is listed, shown and replayed', async () => {
    await using impatient = await createTestConnector({ env: { ORDER_NOT_FOUND_MAX_AGE: '0' } });
    const { id: orderId } = impatient.fluent.addOrder({ ref: 'O_9', status: 'BOOKED' });
    const notification = impatient.fluent.notification(orderId);
    await impatient.fluent.webhooks.send(notification);
    await impatient.settled();
    expect(await impatient.queue.counts()).toMatchObject({ dead: 1 });

    const [letter] = await impatient.queue.deadLetters();
    expect(letter).toMatchObject({
      notification,
      error: { name: 'OrderNotFoundError', message: expect.stringContaining('O_9') as string },
    });
    expect(await impatient.queue.deadLetter(letter!.id)).toEqual(letter);

    const order = impatient.commercetools.addOrder({ orderNumber: 'O_9' });
    expect(await impatient.queue.replay(letter!.id)).toBe(true);
    await impatient.settled();
    expect(order.orderState).toBe('Confirmed');
    expect(await impatient.queue.counts()).toMatchObject({ dead: 0 });
    expect(await metric('notifications_total', { outcome: 'dead' }, impatient)).toBe(1);
  });

  it('an order of another retailer is a dead letter at once and is not written', async () => {
    const order = connector.addOrder({ ref: newRef(), status: 'BOOKED', retailerId: '2' });
    const { version } = order.commercetools;
    const notification = connector.fluent.notification(order.fluent.id, { retailerId: '1' });
    await connector.fluent.webhooks.send(notification);
    const { outcome, attempt, error } = await connector.waitForRun({ id: notification.id });
    expect([outcome, attempt, error?.name]).toEqual(['dead', 1, 'PermanentError']);
    expect(error?.message).toMatch(/belongs to retailer 2, but the notification says 1; correct the webhook/);
    expect(order.commercetools.version).toBe(version);
  });

  it('a permission that is missing is a dead letter at once, and again when nothing was corrected before the replay', async () => {
    await using limited = await createTestConnector({
      env: { CTP_SCOPES: 'view_orders:demo' },
    });
    const { commercetools, id } = await moved('O_1', 'BOOKED', limited);
    const { outcome, error } = await limited.waitForRun({ id });
    expect([outcome, error?.name]).toEqual(['dead', 'PermanentError']);
    expect(error?.message).toMatch(/insufficient_scope.*manage_orders/);
    expect(commercetools.orderState).toBe('Open');
    expect(await limited.queue.replayAll()).toBe(1);
    await limited.settled();
    expect(limited.runs.map((run) => run.outcome)).toEqual(['dead', 'dead']);
  });

  it('a notification about no order is a dead letter that says where to send it from', async () => {
    const { id } = await connector.send({ name: NAME, entityType: 'FULFILMENT', entityRef: 'F_1' });
    const { outcome, error } = await connector.waitForRun({ id });
    expect(outcome).toBe('dead');
    expect(error?.message).toMatch(/FULFILMENT F_1 and names no order; send it from the ORDER workflow/);
  });

  it('commercetools being away delays the order and loses nothing', async () => {
    await connector.commercetools.down();
    const { commercetools, id } = await moved(newRef(), 'BOOKED');
    await connector.waitForRun({ id, outcome: 'retried' });
    await connector.commercetools.up();
    await connector.settled();
    expect(agrees(commercetools, 'BOOKED')).toBe(true);
  });
});

it('the log has one line for each outcome, with what to change and nothing secret', async () => {
  await using sides = await createTestConnector();
  const redis = await PrivateRedis.start({ aof: false });
  const lines: LogLine[] = [];
  const own = await ConnectorProcess.start(
    {
      REDIS_URL: redis.url,
      RETRY_BASE_DELAY: '600000',
      SETTINGS_CACHE_TTL: '0',
      ...sides.fluent.environment,
      ...sides.commercetools.environment,
    },
    (line) => lines.push(line),
  );
  try {
    sides.fluent.webhookUrl = own.webhookUrl;
    const lineOf = (id: string) =>
      expect.poll(() => lines.filter(({ notificationId }) => notificationId === id), { timeout: 10_000 });

    const good = await moved('O_1', 'BOOKED', sides);
    await lineOf(good.id).toMatchObject([
      { level: 'info', accountId: 'ACME', entityRef: 'O_1', outcome: 'updated', lagMs: expect.any(Number) },
    ]);
    sides.fluent.removeSetting(ORDER_MAPPING);
    const bad = await moved('O_2', 'BOOKED', sides);
    await lineOf(bad.id).toMatchObject([
      {
        level: 'error',
        entityRef: 'O_2',
        outcome: 'retried',
        msg: expect.stringMatching(`${ORDER_MAPPING}.* does not exist .*create it`),
      },
    ]);
    const { FLUENT_PASSWORD, FLUENT_CLIENT_SECRET } = sides.fluent.environment;
    const { CTP_CLIENT_SECRET } = sides.commercetools.environment;
    for (const secret of [FLUENT_PASSWORD, FLUENT_CLIENT_SECRET, CTP_CLIENT_SECRET]) {
      expect(secret).toBeTruthy();
      expect(JSON.stringify(lines)).not.toContain(secret);
    }
  } finally {
    await own.stop();
    await redis.stop();
  }
});
