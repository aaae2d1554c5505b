import type { Attributes } from '@opentelemetry/api';
import type { FluentNotification } from '../notification/index.js';
import { SpanKind, inSpan, isTracing, markFailed, traceOf } from '../tracing/index.js';
import type { RunReport } from './decide.js';
import { attemptOf, type Delivery } from './delivery.js';

/** The name of the queue in spans and attributes. */
const DESTINATION = 'notifications';

/** Adds a notification in a span of the webhook's trace. */
export function inSendSpan<T>(notification: FluentNotification, add: () => Promise<T>): Promise<T> {
  return inSpan(
    `send ${DESTINATION}`,
    { kind: SpanKind.PRODUCER, attributes: attributesOf('send', notification) },
    add,
  );
}

/** Runs one delivery in a span of the trace that added the notification. Each retry gets its own span. */
export function inDeliverySpan(
  delivery: Delivery,
  deliver: () => Promise<RunReport | undefined>,
): Promise<RunReport | undefined> {
  if (!isTracing()) return deliver();
  const attributes = {
    ...attributesOf('process', delivery.notification),
    'fluent_connector.attempt': attemptOf(delivery),
  };
  return inSpan(
    `process ${DESTINATION}`,
    { kind: SpanKind.CONSUMER, parent: traceOf(delivery.trace), attributes },
    async (span) => {
      const report = await deliver();
      if (!report) return undefined;
      span.setAttribute('fluent_connector.outcome', report.outcome);
      if (report.error) markFailed(span, report.error);
      return report;
    },
  );
}

/** The names of OpenTelemetry's conventions for messaging, and the connector's own. */
function attributesOf(
  operation: 'send' | 'process',
  { id, accountId, name }: FluentNotification,
): Attributes {
  return {
    'messaging.system': 'bull',
    'messaging.destination.name': DESTINATION,
    'messaging.operation.type': operation,
    'messaging.message.id': id,
    'fluent_connector.account': accountId,
    'fluent_connector.notification_name': name,
  };
}
