import type { ConnectorConfig } from '../config/index.js';
import type { IngressRoute } from '../http/index.js';
import type { ConnectorMetrics } from '../metrics/index.js';

/** Counts rejected webhooks by account; unknown accounts count as `other`. */
export function webhookRoute(config: ConnectorConfig, metrics: ConnectorMetrics): IngressRoute {
  const fields = (body: unknown): Record<string, unknown> => (body ?? {}) as Record<string, unknown>;
  return {
    path: config.server.webhookPath,
    kind: 'webhook',
    owners: [...config.accounts.map(({ id }) => id), 'other'],
    ownerOf: (body) => {
      const { accountId } = fields(body);
      return typeof accountId === 'string' && config.account(accountId) ? accountId : 'other';
    },
    count: (account, outcome, by) => metrics.webhooks.inc({ account, outcome }, by),
    identify: (body) => ({ accountId: fields(body)['accountId'], notificationId: fields(body)['id'] }),
  };
}
