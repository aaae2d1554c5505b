import { expect, it } from 'vitest';
import { checkQueueIsShared } from './check-queue.js';
import { MemoryMessageQueue, type MessageQueue } from './delivery/index.js';
import { ConfigurationError } from './errors.js';

class CountingQueue extends MemoryMessageQueue {}

it.each(['ingress', 'worker'] as const)('a queue in memory is refused in the role %s', (role) => {
  const check = (): void => checkQueueIsShared(new CountingQueue(), { role });
  expect(check).toThrow(ConfigurationError);
  expect(check).toThrow(
    `CONNECTOR_ROLE=${role} needs a queue that several processes share, but CountingQueue keeps notifications in the memory of this one; set CONNECTOR_ROLE=all`,
  );
});

it('a queue in memory may serve a process that does everything, and other queues may serve each role', () => {
  expect(() => checkQueueIsShared(new MemoryMessageQueue(), { role: 'all' })).not.toThrow();
  expect(() => checkQueueIsShared({} as MessageQueue, { role: 'ingress' })).not.toThrow();
});
