import { createTestConnector } from 'fluent-commercetools-connector/testing';
import { expect, it } from 'vitest';
import { StockHandler } from '../src/finding-a-fault.js';

it('keeps what failed as a dead letter that says what, where and why', async () => {
  await using connector = await createTestConnector({ handlers: [StockHandler] });
  const wrong = await connector.send({ name: 'stock.counted', attributes: { quantity: 'seven' } });
  const right = await connector.send({ name: 'stock.counted', attributes: { quantity: 7 } });
  await connector.settled();
  const [letter, ...others] = await connector.queue.deadLetters();
  expect(others).toEqual([]);
  expect(letter).toMatchObject({ attempts: 1, notification: { id: wrong.id, entityRef: 'O_1' } });
  expect(letter?.error.message).toContain('quantity');
  // The value may be personal data.
  expect(letter?.error.message).not.toContain('seven');
  expect(connector.runs.find(({ notification }) => notification.id === right.id)?.outcome).toBe('updated');
});

it('names the handler or override at fault', async () => {
  class BrokenHandler extends StockHandler {
    override async handle(): Promise<never> {
      throw new TypeError('cannot read properties of undefined');
    }
  }
  await using connector = await createTestConnector({ handlers: [StockHandler] });
  const handler = connector.app.get(StockHandler, { strict: false });
  handler.handle = BrokenHandler.prototype.handle;
  const { id } = await connector.send({ name: 'stock.counted', attributes: { quantity: 7 } });
  const run = await connector.waitForRun({ id, outcome: 'retried' });
  expect(run.error?.message).toContain('StockHandler');
});
