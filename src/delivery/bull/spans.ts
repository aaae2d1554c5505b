import type { Attributes } from '@opentelemetry/api';
import type { FluentNotification } from '../../notification/index.js';
import { SpanKind, inSpan, markFailed, traceOf } from '../../tracing/index.js';
import type { EnqueueResult, RunReport } from '../message-queue.js';
import { historyOf, type NotificationJobData } from './notification-job.js';
import { DeadLetterSignal, RunLaterSignal } from './run-signals.js';

/** The name that span and attributes give to the queue. */
const DESTINATION = 'notifications';

/** Adding a notification, as a span of the webhook's trace. */
export function inSendSpan(
  notification: FluentNotification,
  add: () => Promise<EnqueueResult>,
): Promise<EnqueueResult> {
  return inSpan(
    `send ${DESTINATION}`,
    { kind: SpanKind.PRODUCER, attributes: attributesOf('send', notification) },
    add,
  );
}

/** One run of a notification, as a span of the trace in which it was added. Each retry is a span of its own. */
export function inRunSpan(
  data: NotificationJobData,
  report: (run: RunReport) => void,
  run: (report: (run: RunReport) => void) => Promise<void>,
): Promise<void> {
  const attributes = {
    ...attributesOf('process', data.notification),
    'fluent_connector.attempt': historyOf(data).attempts + 1,
  };
  return inSpan(
    `process ${DESTINATION}`,
    { kind: SpanKind.CONSUMER, parent: traceOf(data.trace), attributes, isFailure: isNotReported },
    (span) =>
      run((each) => {
        span.setAttribute('fluent_connector.outcome', each.outcome);
        if (each.error) markFailed(span, each.error);
        report(each);
      }),
  );
}

/** Signals tell Bull what to do; what led to them has been reported. */
function isNotReported(error: unknown): boolean {
  return !(error instanceof RunLaterSignal || error instanceof DeadLetterSignal);
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
