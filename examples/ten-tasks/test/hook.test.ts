import { createTestConnector } from 'fluent-commercetools-connector/testing';
import { expect, it } from 'vitest';
import { PromiseHook } from '../src/hook.js';

it('copies the promised date once', async () => {
  await using connector = await createTestConnector({ providers: [PromiseHook] });
  connector.commercetools.addType({ key: 'promise', fields: { promisedDate: 'String' } });
  const attributes = [{ name: 'promisedDate', type: 'STRING', value: '2030-01-31' }];
  const { fluent, commercetools } = connector.addOrder({ ref: 'O_1', attributes });
  await connector.fluent.move(fluent.id, 'BOOKED');
  await connector.fluent.notify(fluent.id);
  await connector.settled();
  expect(commercetools.custom?.fields).toEqual({ promisedDate: '2030-01-31' });
  expect(commercetools.history).toHaveLength(2);
});
