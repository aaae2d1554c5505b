import { createTestConnector, type TestConnector } from 'fluent-commercetools-connector/testing';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { AppModule } from '../src/app.module.js';
import { Audit } from '../src/audit.module.js';

let connector: TestConnector;
beforeAll(async () => {
  connector = await createTestConnector({ module: AppModule });
});
afterAll(() => connector?.stop());

it('shows a click and collect order as ready, then as delivered', async () => {
  const { fluent, commercetools } = connector.addOrder({ ref: 'CC_1', type: 'CC' });
  await connector.fluent.move(fluent.id, 'AWAITING_CUSTOMER_COLLECTION');
  await connector.settled();
  expect(commercetools).toMatchObject({ orderState: 'Confirmed', shipmentState: 'Ready' });
  await connector.fluent.move(fluent.id, 'COMPLETE');
  await connector.settled();
  expect(commercetools).toMatchObject({ orderState: 'Complete', shipmentState: 'Delivered' });
});

it('leaves home delivery to the mappings in Fluent', async () => {
  const { fluent, commercetools } = connector.addOrder({ ref: 'HD_1', type: 'HD' });
  await connector.fluent.move(fluent.id, 'COMPLETE');
  await connector.settled();
  expect(commercetools.shipmentState).toBe('Shipped');
});

it('audits each update with the version that it produced', async () => {
  const { fluent, commercetools } = connector.addOrder({ ref: 'HD_2' });
  await connector.fluent.move(fluent.id, 'BOOKED');
  await connector.settled();
  expect(connector.app.get(Audit, { strict: false }).entries).toContainEqual({
    orderNumber: 'HD_2',
    version: commercetools.version,
    actions: ['changeOrderState', 'changePaymentState', 'changeShipmentState'],
  });
});

it('writes the tracking number of a Fluent order together with its states, once', async () => {
  const attributes = [{ name: 'TrackingNumber', type: 'STRING', value: 'T-0' }];
  const { fluent, commercetools } = connector.addOrder({ ref: 'HD_5', attributes });
  await connector.fluent.move(fluent.id, 'BOOKED');
  await connector.settled();
  expect(commercetools).toMatchObject({
    orderState: 'Confirmed',
    custom: { fields: { trackingNumber: 'T-0' } },
    history: [{}, { orderState: 'Confirmed' }],
  });
  await connector.fluent.notify(fluent.id);
  await connector.settled();
  expect(commercetools.history).toHaveLength(2);
});

it('writes the tracking number of a parcel', async () => {
  const { fluent, commercetools } = connector.addOrder({ ref: 'HD_3' });
  const shipped = { name: 'example.parcel-shipped', attributes: { TrackingNumber: 'T-1' } };
  await connector.fluent.notify(fluent.id, shipped);
  await connector.settled();
  expect(commercetools.custom).toEqual({ type: 'fluent-tracking', fields: { trackingNumber: 'T-1' } });
});

it('makes a notification without a tracking number a dead letter that says so', async () => {
  const { fluent } = connector.addOrder({ ref: 'HD_4' });
  const { id } = connector.fluent.notification(fluent.id);
  await connector.fluent.notify(fluent.id, { id, name: 'example.parcel-shipped' });
  const run = await connector.waitForRun({ id, outcome: 'dead' });
  expect(run.error?.message).toContain('TrackingNumber');
});
