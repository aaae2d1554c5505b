import type { ConnectorConfig } from '../config/index.js';
import type { ConnectorMetrics } from '../metrics/index.js';
import type { Ingress } from './ingress-rejections.js';

/** How rejected webhooks are counted and told: by account, as far as it is configured. */
export function webhookIngress(config: ConnectorConfig, metrics: ConnectorMetrics): Ingress {
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
