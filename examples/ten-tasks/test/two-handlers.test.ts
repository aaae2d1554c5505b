import { createTestConnector } from 'fluent-commercetools-connector/testing';
import { expect, it } from 'vitest';
import { DelayedHandler, DeliveredHandler } from '../src/two-handlers.js';

it('runs each handler for its own notification, again after an outage', async () => {
  await using connector = await createTestConnector({ handlers: [DelayedHandler, DeliveredHandler] });
  const late = connector.addOrder({ ref: 'O_1' });
  const there = connector.addOrder({ ref: 'O_2' });
  connector.commercetools.faults.set({ kind: 'error', status: 503, times: 1 });
  await connector.fluent.notify(late.fluent.id, { name: 'parcel.delayed' });
  await connector.fluent.notify(there.fluent.id, { name: 'parcel.delivered' });
  await connector.settled();
  expect(late.commercetools.shipmentState).toBe('Delayed');
  expect(there.commercetools.shipmentState).toBe('Delivered');
});
