import { setTimeout as delay } from 'node:timers/promises';
import { builtPackage } from './built-package.mjs';

const { ConnectorModule, MemoryMessageQueue, MessageQueue, bootstrapConnector } =
  await builtPackage('index.js');
const { createTestConnector } = await builtPackage('testing/index.js');

// Starts a connector as a part of this process and closes it again. What then keeps the process alive was left open.
if (process.argv[2] === 'test-connector') {
  const withoutRedis = {
    redisUrl: false,
    overrides: [{ provide: MessageQueue, useClass: MemoryMessageQueue }],
  };
  const connector = await createTestConnector(process.argv[3] === 'without-redis' ? withoutRedis : {});
  const { fluent } = connector.addOrder({ ref: 'O_1' });
  await connector.fluent.move(fluent.id, 'BOOKED');
  await connector.settled();
  await connector.stop();
} else {
  const app = await bootstrapConnector(ConnectorModule.register(), { embedded: true });
  const ready = async () => (await fetch(`${await app.getUrl()}/health/ready`)).ok;
  while (!(await ready())) await delay(20);
  await app.close();
}
process.stdout.write('closed\n');
const closedAt = performance.now();
process.on('exit', () =>
  process.stdout.write(`ended ${Math.round(performance.now() - closedAt)} ms later\n`),
);
