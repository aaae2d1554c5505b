import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { MessageQueue } from 'fluent-commercetools-connector';
import { createTestConnector, messageQueueSuite } from 'fluent-commercetools-connector/testing';
import { afterAll, describe, expect, it } from 'vitest';
import { AppModule } from '../src/app.module.js';
import { Database } from '../src/database.js';
import { SqlMessageQueue } from '../src/sql-message-queue.js';

const folder = mkdtempSync(join(tmpdir(), 'sql-queue-'));
afterAll(() => rmSync(folder, { recursive: true }));
let files = 0;
const newFile = (): string => join(folder, `${++files}.db`);

describe('the queue', () => {
  const fileOf = new Map<MessageQueue, string>();
  const open = (file: string): SqlMessageQueue => {
    const queue = new SqlMessageQueue({ file });
    fileOf.set(queue, file);
    return queue;
  };
  const suite = messageQueueSuite({
    create: async () => open(newFile()),
    destroy: async () => {
      for (const queue of fileOf.keys()) (queue as SqlMessageQueue).onApplicationShutdown();
      fileOf.clear();
    },
    takeOver: async (queue) => {
      const file = fileOf.get(queue)!;
      const database = new Database(file);
      // As if its worker had not renewed its locks for long.
      database.run('UPDATE notifications SET locked_until = 0');
      database.close();
      return open(file);
    },
  });
  for (const { name, run } of suite) it(name, run);
});

it('brings an order into agreement without Redis, and gives another process what this one has not done', async () => {
  const QUEUE_FILE = newFile();
  {
    await using ingress = await createTestConnector({
      module: AppModule,
      redisUrl: false,
      env: { QUEUE_FILE, CONNECTOR_ROLE: 'ingress' },
    });
    const { fluent } = ingress.addOrder({ ref: 'O_1' });
    await ingress.fluent.move(fluent.id, 'BOOKED');
    expect(await ingress.queue.counts()).toMatchObject({ waiting: 1 });
  }
  await using worker = await createTestConnector({ module: AppModule, redisUrl: false, env: { QUEUE_FILE } });
  // The emulators of this connector have the same order.
  const { commercetools } = worker.addOrder({ ref: 'O_1', status: 'BOOKED' });
  await worker.settled();
  expect(commercetools.orderState).toBe('Confirmed');
});
