import { createTestConnector, type TestConnector } from 'fluent-commercetools-connector/testing';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { AppModule } from '../src/app.module.js';

let connector: TestConnector;
beforeAll(async () => {
  connector = await createTestConnector({ module: AppModule, env: { TRACKING_FIELD: 'tracking' } });
  connector.commercetools.addType({ key: 'fluent-tracking', fields: { tracking: 'String' } });
});
afterAll(() => connector?.stop());

describe('the override', () => {
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
    const { fluent, commercetools } = connector.addOrder({ ref: 'HD_1' });
    await connector.fluent.move(fluent.id, 'COMPLETE');
    await connector.settled();
    expect(commercetools.shipmentState).toBe('Shipped');
  });
});

it('the hook copies the tracking number once, to the field that the settings name', async () => {
  const attributes = [{ name: 'TrackingNumber', type: 'STRING', value: 'T-1' }];
  const { fluent, commercetools } = connector.addOrder({ ref: 'HD_2', attributes });
  await connector.fluent.move(fluent.id, 'BOOKED');
  await connector.fluent.notify(fluent.id);
  await connector.settled();
  expect(commercetools.custom).toEqual({ type: 'fluent-tracking', fields: { tracking: 'T-1' } });
  expect(commercetools.history).toHaveLength(2);
});

it('the handler shows a parcel as delivered, also when commercetools fails once', async () => {
  const { fluent, commercetools } = connector.addOrder({ ref: 'HD_3' });
  connector.commercetools.faults.set({ kind: 'error', status: 503, times: 1 });
  await connector.fluent.notify(fluent.id, { name: 'parcel.delivered' });
  await connector.settled();
  expect(commercetools.shipmentState).toBe('Delivered');
});
