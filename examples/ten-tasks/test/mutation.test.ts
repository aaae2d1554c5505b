import { OrderUpdate } from 'fluent-commercetools-connector';
import { createTestConnector } from 'fluent-commercetools-connector/testing';
import { expect, it } from 'vitest';
import { OurOrderUpdate } from '../src/mutation.js';

it('sends our mutation, once more after a version conflict', async () => {
  await using connector = await createTestConnector({
    overrides: [{ provide: OrderUpdate, useClass: OurOrderUpdate }],
  });
  connector.commercetools.faults.set({ kind: 'conflict', times: 1 });
  const { fluent, commercetools } = connector.addOrder({ ref: 'O_1' });
  await connector.fluent.move(fluent.id, 'BOOKED');
  await connector.settled();
  expect(commercetools.orderState).toBe('Confirmed');
  const sent = connector.commercetools.requests.recent('updateOrder');
  expect(sent.map(({ operationName }) => operationName)).toEqual(['OurUpdate', 'OurUpdate']);
});
