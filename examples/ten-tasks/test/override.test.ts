import { StatusMapper } from 'fluent-commercetools-connector';
import { createTestConnector } from 'fluent-commercetools-connector/testing';
import { expect, it } from 'vitest';
import { SampleStatusMapper } from '../src/override.js';

it('shows no payment state for samples, and the mapped one for other orders', async () => {
  const overrides = [{ provide: StatusMapper, useClass: SampleStatusMapper }] as const;
  await using connector = await createTestConnector({ overrides });
  const sample = connector.addOrder({ ref: 'S_1', type: 'SAMPLE' });
  const other = connector.addOrder({ ref: 'O_1' });
  for (const { fluent } of [sample, other]) await connector.fluent.move(fluent.id, 'BOOKED');
  await connector.settled();
  expect(sample.commercetools).toMatchObject({ orderState: 'Confirmed', paymentState: null });
  expect(other.commercetools.paymentState).toBe('Paid');
});
