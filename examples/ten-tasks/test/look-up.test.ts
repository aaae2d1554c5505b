import { OrderLookup } from 'fluent-commercetools-connector';
import { createTestConnector } from 'fluent-commercetools-connector/testing';
import { expect, it } from 'vitest';
import { AttributeOrderLookup } from '../src/look-up.js';

it('finds the order by an attribute', async () => {
  await using connector = await createTestConnector({
    overrides: [{ provide: OrderLookup, useClass: AttributeOrderLookup }],
  });
  const attributes = [{ name: 'orderNumber', type: 'STRING', value: 'SHOP-7' }];
  const { id } = connector.fluent.addOrder({ ref: 'O_7', attributes });
  const order = connector.commercetools.addOrder({ orderNumber: 'SHOP-7' });
  await connector.fluent.move(id, 'BOOKED');
  await connector.settled();
  expect(order.orderState).toBe('Confirmed');
});
