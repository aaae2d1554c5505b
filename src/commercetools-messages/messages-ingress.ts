import type { ConnectorConfig } from '../config/index.js';
import type { ConnectorMetrics } from '../metrics/index.js';
import type { Ingress } from '../webhook/index.js';

/** How rejected messages are counted and told. Their content is not opened for that: it may be anybody's. */
export function messagesIngress(path: string, config: ConnectorConfig, metrics: ConnectorMetrics): Ingress {
  return {
    path,
    kind: 'commercetools message',
    owners: [...config.projects.map(({ key }) => key), 'other'],
    ownerOf: () => 'other',
    count: (project, outcome, by) => metrics.commercetoolsMessages.inc({ project, outcome }, by),
    identify: (body) => {
      const { message, subscription, id } = (body ?? {}) as Record<string, unknown>;
      const { messageId = id } = (message ?? {}) as Record<string, unknown>;
      return { messageId, subscription };
    },
  };
}
