import { createTestConnector } from 'fluent-commercetools-connector/testing';
import { expect, it } from 'vitest';
import { PaymentRefusedHandler } from '../src/events.js';

it('sends the event, and what the workflow makes of it comes back to commercetools', async () => {
  await using connector = await createTestConnector({ handlers: [PaymentRefusedHandler] });
  const { fluent, commercetools } = connector.addOrder({ ref: 'O_1' });
  connector.fluent.onEvent(
    'OrderCancel',
    async () => void (await connector.fluent.move(fluent.id, 'CANCELLED')),
  );
  const sent = await connector.fluent.notify(fluent.id, { name: 'payment.refused' });
  expect(sent.result).toBe('accepted');
  await connector.waitForRun({ outcome: 'updated' });
  await expect.poll(() => commercetools.orderState, { timeout: 10_000 }).toBe('Cancelled');
  expect(connector.fluent.events).toMatchObject([{ name: 'OrderCancel', body: { entityRef: 'O_1' } }]);
});
