import type { IncomingHttpHeaders } from 'node:http';
import { asConnectorError, invalidReturn } from '../call-override.js';
import type { ConnectorConfig } from '../config/index.js';
import type { IngressRoute } from '../http/index.js';
import type { ConnectorMetrics } from '../metrics/index.js';
import { unauthorized } from './signature-guard.js';
import type { SignatureVerifier } from './signature-verifier.js';

/** Admits requests with a signature. Counts rejected webhooks by account; unknown accounts count as `other`. */
export function webhookRoute(
  config: ConnectorConfig,
  metrics: ConnectorMetrics,
  verifier: SignatureVerifier,
): IngressRoute {
  const fields = (body: unknown): Record<string, unknown> => (body ?? {}) as Record<string, unknown>;
  /** Fails closed when a partner's verifier throws or returns anything but `undefined` or a reason. */
  const refusal = (headers: IncomingHttpHeaders): string | undefined => {
    try {
      const reason: unknown = verifier.checkHeaders(headers, config.accounts);
      if (reason === undefined || typeof reason === 'string') return reason;
      throw invalidReturn(verifier, 'checkHeaders', 'neither undefined nor a reason');
    } catch (error) {
      return asConnectorError(verifier, 'checkHeaders', error).message;
    }
  };
  return {
    path: config.server.webhookPath,
    kind: 'webhook',
    owners: [...config.accounts.map(({ id }) => id), 'other'],
    body: 'bytes',
    admit: ({ headers }) => {
      const reason = refusal(headers);
      return reason === undefined ? undefined : unauthorized(reason);
    },
    ownerOf: (body) => {
      const { accountId } = fields(body);
      return typeof accountId === 'string' && config.account(accountId) ? accountId : 'other';
    },
    count: (account, outcome, by) => metrics.webhooks.inc({ account, outcome }, by),
    identify: (body) => ({ accountId: fields(body)['accountId'], notificationId: fields(body)['id'] }),
  };
}
