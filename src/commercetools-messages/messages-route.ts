import type { IncomingMessage } from 'node:http';
import type { ConnectorConfig } from '../config/index.js';
import { Problem, type ConnectionLimiter, type IngressRoute } from '../http/index.js';
import type { ConnectorMetrics } from '../metrics/index.js';
import { KeySetUnavailableError, type MessageSenderVerifier } from './message-sender-verifier.js';

/** Most outages of a key set end within seconds. */
const RETRY_AFTER_SECONDS = 10;

/** What the ingress for messages needs. */
export interface MessagesRouteParts {
  readonly config: ConnectorConfig;
  readonly metrics: ConnectorMetrics;
  readonly verifier: MessageSenderVerifier;
  readonly connections: ConnectionLimiter;
}

/**
 * Verifies the sender before the body is read. Counts rejected messages as `other`: their content is not decoded,
 * because the sender may be anybody.
 */
export function messagesRoute(
  path: string,
  { config, metrics, verifier, connections }: MessagesRouteParts,
): IngressRoute {
  return {
    path,
    kind: 'commercetools message',
    owners: [...config.projects.map(({ key }) => key), 'other'],
    body: 'json',
    admit: async (request: IncomingMessage) => {
      const problem = await refusal(verifier, request);
      if (!problem) connections.trust(request.socket);
      return problem;
    },
    ownerOf: () => 'other',
    count: (project, outcome, by) => metrics.commercetoolsMessages.inc({ project, outcome }, by),
    identify: (body) => {
      const { message, subscription, id } = (body ?? {}) as Record<string, unknown>;
      const { messageId = id } = (message ?? {}) as Record<string, unknown>;
      return { messageId, subscription };
    },
  };
}

/** @returns the same response for every reason; only the log says which one it was. */
export function wrongSender(reason: string): Problem {
  return new Problem(401, {
    detail: 'the request does not come from the configured push service',
    headers: { 'www-authenticate': 'Bearer' },
    reason,
  });
}

async function refusal(
  verifier: MessageSenderVerifier,
  { headers }: IncomingMessage,
): Promise<Problem | undefined> {
  try {
    const reason = await verifier.verify(headers);
    return reason === undefined ? undefined : wrongSender(reason);
  } catch (error) {
    if (!(error instanceof KeySetUnavailableError)) throw error;
    return new Problem(503, {
      detail: 'the sender cannot be verified at the moment; send the message again',
      headers: { 'retry-after': String(RETRY_AFTER_SECONDS) },
      reason: `${error.message}: ${error.cause instanceof Error ? error.cause.message : 'unknown reason'}`,
      cause: error,
    });
  }
}
