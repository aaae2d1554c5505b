import {
  createTestConnector,
  type TestConnector,
  type TestOrder,
} from 'fluent-commercetools-connector/testing';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { AppModule } from '../src/app.module.js';

const ATTRIBUTES = { TrackingNumber: 'T 1', ShippingPartner: 'DHL', TrackingURL: 'https://example.org/T1' };

let connector: TestConnector;
let serial = 0;
beforeAll(async () => {
  connector = await createTestConnector({ module: AppModule });
});
afterAll(() => connector?.stop());

function addOrder(options: { shippingInfo?: boolean } = {}): TestOrder {
  return connector.addOrder({ ref: `HD_${++serial}` }, options);
}

/** Fluent announces a parcel of a fulfilment. @returns the id of the notification. */
async function announce(order: TestOrder, attributes: object = ATTRIBUTES, entityId = '79'): Promise<string> {
  const { id } = await connector.send({
    name: 'example.carrier-tracking',
    entityType: 'FULFILMENT',
    entityId,
    entityRef: `F_${entityId}`,
    rootEntityType: 'ORDER',
    rootEntityId: order.fluent.id,
    rootEntityRef: order.fluent.ref,
    attributes,
  });
  return id;
}

function parcels({ commercetools }: TestOrder): unknown[][] {
  return (commercetools.shippingInfo?.deliveries ?? []).map((delivery) =>
    delivery.parcels.map(({ trackingData, custom }) => ({
      number: trackingData?.trackingId,
      carrier: trackingData?.carrier,
      url: custom?.fields['trackingUrl'],
    })),
  );
}

it('writes a parcel with its tracking data', async () => {
  const order = addOrder();
  await announce(order);
  await connector.settled();
  expect(parcels(order)).toEqual([[{ number: 'T 1', carrier: 'DHL', url: 'https://example.org/T1' }]]);
});

it('changes nothing when it is announced again', async () => {
  const order = addOrder();
  await announce(order);
  await connector.settled();
  const { version } = order.commercetools;
  const id = await announce(order);
  expect(await connector.waitForRun({ id })).toMatchObject({ outcome: 'unchanged' });
  expect(order.commercetools.version).toBe(version);
});

it('adds further parcels to the delivery, and a delivery for each fulfilment', async () => {
  const order = addOrder();
  await announce(order);
  await connector.settled();
  await announce(order, { TrackingNumber: 'T 2' });
  await announce(order, { TrackingNumber: 'T 3' }, '80');
  await connector.settled();
  expect(parcels(order).map((list) => list.length)).toEqual([2, 1]);
});

it('corrects the carrier and the address', async () => {
  const order = addOrder();
  await announce(order);
  await connector.settled();
  await announce(order, { ...ATTRIBUTES, ShippingPartner: 'UPS', TrackingURL: 'https://example.org/new' });
  await connector.settled();
  expect(parcels(order)).toEqual([[{ number: 'T 1', carrier: 'UPS', url: 'https://example.org/new' }]]);
});

it('writes each of many parcels that are announced at once, once', async () => {
  const order = addOrder();
  const numbers = Array.from({ length: 8 }, (_, index) => `T ${index}`);
  await Promise.all([...numbers, ...numbers].map((TrackingNumber) => announce(order, { TrackingNumber })));
  await connector.settled(20_000);
  const [delivery, ...others] = parcels(order) as [{ number: string }[]];
  expect(others).toEqual([]);
  expect(delivery.map(({ number }) => number).sort()).toEqual(numbers);
});

it('reads again after another client wrote in between, and after a write with an unknown result', async () => {
  const order = addOrder();
  connector.commercetools.faults.set({ kind: 'conflict', times: 2 });
  connector.commercetools.faults.set({ kind: 'uncertain', times: 1 });
  await announce(order);
  await connector.settled();
  expect(parcels(order)).toHaveLength(1);
  expect(parcels(order)[0]).toHaveLength(1);
  expect(connector.commercetools.faults.triggered('conflict')).toBeGreaterThan(0);
  expect(connector.commercetools.faults.triggered('uncertain')).toBe(1);
});

it.each([
  ['without a tracking number', { ShippingPartner: 'DHL' }, 'TrackingNumber'],
  [
    'with an address that is not a web address',
    { ...ATTRIBUTES, TrackingURL: 'javascript:alert(1)' },
    'TrackingURL',
  ],
])('makes a notification %s a dead letter that says so', async (_, attributes, field) => {
  const id = await announce(addOrder(), attributes);
  const { error } = await connector.waitForRun({ id, outcome: 'dead' });
  expect(error?.message).toContain(field);
});

it('says when an order cannot have deliveries', async () => {
  const id = await announce(addOrder({ shippingInfo: false }));
  const { error } = await connector.waitForRun({ id, outcome: 'dead' });
  expect(error?.message).toContain('has no shipping info');
});
