import { describe, expect } from 'vitest';
import { createTestConnector, REFERENCE_MAPPINGS, type TestConnector } from '../src/testing/index.js';
import { agrees } from './support/agreement.js';
import { it as base } from './support/harness.js';
import { WAIT } from './support/wait.js';

const [ORDER_MAPPING, PAYMENT_MAPPING, SHIPPING_MAPPING] = Object.keys(REFERENCE_MAPPINGS) as [
  keyof typeof REFERENCE_MAPPINGS,
  keyof typeof REFERENCE_MAPPINGS,
  keyof typeof REFERENCE_MAPPINGS,
];
const NAME = 'fc.connect.order.webhook.order-status-update';

/** One connector for the whole file; each test has its own orders. */
const it = base
  .extend('sharedConnector', { scope: 'file' }, async ({}, { onCleanup }) => {
    const connector = await createTestConnector();
    onCleanup(() => connector.stop());
    return connector;
  })
  .extend('connector', ({ sharedConnector }) => {
    sharedConnector.fluent.useReferenceMappings();
    return sharedConnector;
  });

let serial = 0;
const newRef = (): string => `O_${(serial += 1)}`;

/** @returns the sum of the series of a counter that have these labels. */
async function metric(
  { url }: TestConnector,
  series: string,
  labels: Record<string, string>,
): Promise<number> {
  const text = await (await fetch(`${url}/metrics`)).text();
  return text
    .split('\n')
    .filter((line) => line.startsWith(`fluent_connector_${series}{`))
    .filter((line) => Object.entries(labels).every(([name, value]) => line.includes(`${name}="${value}"`)))
    .reduce((sum, line) => sum + Number(line.slice(line.lastIndexOf(' '))), 0);
}

/** Adds an order, gives it a status in Fluent and sends the webhook about it. */
async function moved(connector: TestConnector, ref: string, status: string) {
  const order = connector.addOrder({ ref });
  connector.fluent.setStatus(order.fluent.id, status);
  const notification = connector.fluent.notification(order.fluent.id);
  expect(await connector.fluent.webhooks.send(notification)).toMatchObject({ result: 'accepted' });
  return { ...order, notification, id: notification.id };
}

function useOrderMapping(connector: TestConnector, fluent: Record<string, string>): void {
  connector.fluent.setSetting({
    name: ORDER_MAPPING,
    context: 'RETAILER',
    contextId: 1,
    valueType: 'JSON',
    lobValue: { fluent },
  });
}

describe('the webhook of an order', () => {
  it('brings the order into agreement, and counts once as updated', async ({ connector }) => {
    const before = await metric(connector, 'notifications_total', { outcome: 'updated', name: NAME });
    const { commercetools, id } = await moved(connector, newRef(), 'BOOKED');
    await connector.settled();
    expect(commercetools).toMatchObject({
      orderState: 'Confirmed',
      paymentState: 'Paid',
      shipmentState: 'Pending',
    });
    expect((await connector.waitForRun({ id })).outcome).toBe('updated');
    expect(await metric(connector, 'notifications_total', { outcome: 'updated', name: NAME })).toBe(
      before + 1,
    );
  });

  it('causes no mutation when the order already shows the status', async ({ connector }) => {
    const { fluent, id: first } = await moved(connector, newRef(), 'BOOKED');
    await connector.waitForRun({ id: first });
    const writes = connector.commercetools.requests.count('updateOrder');
    const again = connector.fluent.notification(fluent.id);
    await connector.fluent.webhooks.send(again);
    expect((await connector.waitForRun({ id: again.id })).outcome).toBe('unchanged');
    expect(connector.commercetools.requests.count('updateOrder')).toBe(writes);
  });

  it('leaves the order unchanged and counts as unmapped when no mapping has its status', async ({
    connector,
  }) => {
    const { fluent, commercetools } = connector.addOrder({ ref: newRef(), status: 'CREATED' });
    const { version } = commercetools;
    connector.fluent.setStatus(fluent.id, 'ON_HOLD');
    const { id } = await connector.send({ ...connector.fluent.notification(fluent.id), name: NAME });
    expect((await connector.waitForRun({ id })).outcome).toBe('unmapped');
    expect(commercetools.version).toBe(version);
    expect(await metric(connector, 'notifications_total', { outcome: 'unmapped' })).toBeGreaterThan(0);
  });

  it('is processed once although it comes three times', async ({ connector }) => {
    const { notification, id } = await moved(connector, newRef(), 'BOOKED');
    expect(await connector.fluent.webhooks.send(notification)).toMatchObject({ result: 'duplicate' });
    await connector.settled();
    expect(await connector.fluent.webhooks.send(notification)).toMatchObject({ result: 'duplicate' });
    expect(connector.runs.filter((run) => run.notification.id === id)).toHaveLength(1);
    expect(await metric(connector, 'webhooks_total', { outcome: 'duplicate' })).toBeGreaterThanOrEqual(2);
  });

  it('is superseded by the run of another webhook of the order that waited with it', async ({
    startTestConnector,
  }) => {
    const burst = await startTestConnector({ env: { QUEUE_CONCURRENCY: '1' } });
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
    expect(await metric(burst, 'notifications_total', { outcome: 'superseded' })).toBe(9);
  });

  it('is processed once more when it was sent before Fluent had the status', async ({ connector }) => {
    const { fluent, commercetools } = connector.addOrder({ ref: newRef(), status: 'RECEIVED' });
    const early = connector.fluent.notification(fluent.id, { entityStatus: 'BOOKED' });
    const reads = connector.fluent.requests.count('orderById');
    await connector.fluent.webhooks.send(early);
    await expect.poll(() => connector.fluent.requests.count('orderById'), WAIT).toBe(reads + 1);
    connector.fluent.setStatus(fluent.id, 'BOOKED');
    await connector.settled();
    expect(connector.fluent.requests.count('orderById')).toBe(reads + 2);
    expect(agrees(commercetools, 'BOOKED')).toBe(true);
  });
});

describe('a webhook that meets an error', () => {
  it('is retried with what to correct while a mapping has a wrong value', async ({ connector }) => {
    useOrderMapping(connector, { BOOKED: 'Konfirmed' });
    const { commercetools, id } = await moved(connector, newRef(), 'BOOKED');
    const { error } = await connector.waitForRun({ id, outcome: 'retried' });
    expect(error?.name).toBe('ConfigurationError');
    for (const part of [ORDER_MAPPING, 'BOOKED', 'Konfirmed', 'Open, Confirmed, Complete, Cancelled']) {
      expect(error?.message).toContain(part);
    }
    useOrderMapping(connector, { BOOKED: 'Confirmed' });
    await connector.settled();
    expect(commercetools.orderState).toBe('Confirmed');
    expect((await connector.waitForRun({ id, outcome: 'updated' })).attempt).toBeGreaterThan(1);
  });

  it('is retried with how to switch the mapping off while a setting is missing', async ({ connector }) => {
    connector.fluent.removeSetting(SHIPPING_MAPPING);
    const { commercetools, id } = await moved(connector, newRef(), 'COMPLETE');
    const { error } = await connector.waitForRun({ id, outcome: 'retried' });
    expect(error?.message).toContain(SHIPPING_MAPPING);
    expect(error?.message).toContain('SHIPPING_STATUS_MAPPING_SETTING=off');
    connector.fluent.useReferenceMappings();
    await connector.settled();
    expect(agrees(commercetools, 'COMPLETE')).toBe(true);
  });

  it('does not depend on the setting of a mapping that is switched off', async ({ startTestConnector }) => {
    const without = await startTestConnector({ env: { PAYMENT_STATUS_MAPPING_SETTING: 'off' } });
    without.fluent.removeSetting(PAYMENT_MAPPING);
    const { commercetools } = await moved(without, 'O_1', 'BOOKED');
    await without.settled();
    expect(commercetools).toMatchObject({ orderState: 'Confirmed', paymentState: null });
  });

  it('is retried until commercetools has the order', async ({ connector }) => {
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

  it('becomes a dead letter, which can be listed, read and replayed, when the order never comes', async ({
    startTestConnector,
  }) => {
    const impatient = await startTestConnector({ env: { ORDER_NOT_FOUND_MAX_AGE: '0' } });
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
    expect(await metric(impatient, 'notifications_total', { outcome: 'dead' })).toBe(1);
  });

  it('becomes a dead letter at once, and writes nothing, when the order belongs to another retailer', async ({
    connector,
  }) => {
    const order = connector.addOrder({ ref: newRef(), status: 'BOOKED', retailerId: '2' });
    const { version } = order.commercetools;
    const notification = connector.fluent.notification(order.fluent.id, { retailerId: '1' });
    await connector.fluent.webhooks.send(notification);
    const { outcome, attempt, error } = await connector.waitForRun({ id: notification.id });
    expect([outcome, attempt, error?.name]).toEqual(['dead', 1, 'PermanentError']);
    expect(error?.message).toMatch(/belongs to retailer 2, but the notification says 1; correct the webhook/);
    expect(order.commercetools.version).toBe(version);
  });

  it('becomes a dead letter at once, also when replayed, while a permission is missing', async ({
    startTestConnector,
  }) => {
    const limited = await startTestConnector({
      env: { CTP_SCOPES: 'view_orders:demo' },
    });
    const { commercetools, id } = await moved(limited, 'O_1', 'BOOKED');
    const { outcome, error } = await limited.waitForRun({ id });
    expect([outcome, error?.name]).toEqual(['dead', 'PermanentError']);
    expect(error?.message).toMatch(/insufficient_scope.*manage_orders/);
    expect(commercetools.orderState).toBe('Open');
    expect(await limited.queue.replayAll()).toBe(1);
    await limited.settled();
    expect(limited.runs.map((run) => run.outcome)).toEqual(['dead', 'dead']);
  });

  it('becomes a dead letter that names the right workflow when it is not about an order', async ({
    connector,
  }) => {
    const { id } = await connector.send({ name: NAME, entityType: 'FULFILMENT', entityRef: 'F_1' });
    const { outcome, error } = await connector.waitForRun({ id });
    expect(outcome).toBe('dead');
    expect(error?.message).toMatch(/FULFILMENT F_1 and names no order; send it from the ORDER workflow/);
  });

  it('is retried while commercetools is away', async ({ connector }) => {
    await connector.commercetools.down();
    const { commercetools, id } = await moved(connector, newRef(), 'BOOKED');
    await connector.waitForRun({ id, outcome: 'retried' });
    await connector.commercetools.up();
    await connector.settled();
    expect(agrees(commercetools, 'BOOKED')).toBe(true);
  });
});

it('logs one line for each outcome, with what to change and without a secret', async ({ harness }) => {
  const { fluent, lines } = harness;
  await harness.startInProcess({ RETRY_BASE_DELAY: '600000', SETTINGS_CACHE_TTL: '0' });
  const book = async (ref: string): Promise<string> => {
    const id = harness.addOrder(ref);
    fluent.setStatus(id, 'BOOKED');
    const notification = fluent.notification(id);
    expect(await fluent.webhooks.send(notification)).toMatchObject({ result: 'accepted' });
    return notification.id;
  };
  const linesOf = (id: string) => {
    return expect.poll(() => lines.filter(({ notificationId }) => notificationId === id), WAIT);
  };

  await linesOf(await book('O_1')).toMatchObject([
    { level: 'info', accountId: 'ACME', entityRef: 'O_1', outcome: 'updated', lagMs: expect.any(Number) },
  ]);
  fluent.removeSetting(ORDER_MAPPING);
  await linesOf(await book('O_2')).toMatchObject([
    {
      level: 'error',
      entityRef: 'O_2',
      outcome: 'retried',
      msg: expect.stringMatching(`${ORDER_MAPPING}.* does not exist .*create it`),
    },
  ]);
  const variables = harness.environmentWith();
  for (const name of ['FLUENT_PASSWORD', 'FLUENT_CLIENT_SECRET', 'CTP_CLIENT_SECRET']) {
    expect(variables[name]).toBeTruthy();
    expect(JSON.stringify(lines)).not.toContain(variables[name]);
  }
});
