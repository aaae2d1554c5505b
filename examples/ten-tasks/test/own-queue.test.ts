import { MessageQueue } from 'fluent-commercetools-connector';
import { createTestConnector, messageQueueSuite } from 'fluent-commercetools-connector/testing';
import { describe, expect, it } from 'vitest';
import { CountingQueue } from '../src/own-queue.js';

describe('the queue', () => {
  for (const { name, run } of messageQueueSuite({ create: async () => new CountingQueue() })) it(name, run);
});

it('replaces the default without Redis, and counts a repeated notification once', async () => {
  await using connector = await createTestConnector({
    redisUrl: false,
    overrides: [{ provide: MessageQueue, useClass: CountingQueue }],
  });
  const { fluent, commercetools } = connector.addOrder({ ref: 'O_1' });
  connector.fluent.setStatus(fluent.id, 'BOOKED');
  const { id } = connector.fluent.notification(fluent.id);
  for (let time = 0; time < 2; time += 1) await connector.fluent.notify(fluent.id, { id });
  await connector.settled();
  expect(commercetools.orderState).toBe('Confirmed');
  expect((connector.queue as CountingQueue).accepted.get('ACME')).toBe(1);
});
