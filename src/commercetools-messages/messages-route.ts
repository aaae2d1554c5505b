import type { ConnectorConfig } from '../config/index.js';
import type { IngressRoute } from '../http/index.js';
import type { ConnectorMetrics } from '../metrics/index.js';

/** Counts rejected messages as `other`: their content is not decoded, because the sender may be anybody. */
export function messagesRoute(
  path: string,
  config: ConnectorConfig,
  metrics: ConnectorMetrics,
): IngressRoute {
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
