import { nameOf } from './call-override.js';
import type { ConnectorConfig } from './config/index.js';
import { MemoryMessageQueue, type MessageQueue } from './delivery/index.js';
import { ConfigurationError } from './errors.js';

/**
 * An ingress that keeps webhooks in its own memory would accept webhooks that no worker gets, and a worker would wait forever.
 *
 * @throws ConfigurationError when the role needs a queue that several processes share.
 */
export function checkQueueIsShared(queue: MessageQueue, { role }: Pick<ConnectorConfig, 'role'>): void {
  if (role === 'all' || !(queue instanceof MemoryMessageQueue)) return;
  throw new ConfigurationError(
    `CONNECTOR_ROLE=${role} needs a queue that several processes share, but ${nameOf(queue)} keeps notifications in the ` +
      'memory of this one; set CONNECTOR_ROLE=all, or override MessageQueue with a queue on a broker (the default is on Redis)',
  );
}
