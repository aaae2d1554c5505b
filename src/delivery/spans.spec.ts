import { SpanKind, SpanStatusCode } from '@opentelemetry/api';
import { describe, expect, it, onTestFinished } from 'vitest';
import { recordSpans } from '../../test/support/recorded-spans.js';
import { TransientError } from '../errors.js';
import { sampleNotification } from '../testing/sample-notification.js';
import { currentTrace, type TraceCarrier } from '../tracing/index.js';
import type { RunReport } from './decide.js';
import type { Delivery } from './delivery.js';
import { inDeliverySpan, inSendSpan } from './spans.js';

const notification = sampleNotification({ id: 'n-1', accountId: 'ACME', name: 'order-status' });
const ATTRIBUTES = {
  'messaging.system': 'bull',
  'messaging.destination.name': 'notifications',
  'messaging.message.id': 'n-1',
  'fluent_connector.account': 'ACME',
  'fluent_connector.notification_name': 'order-status',
};

const delivery = (trace?: TraceCarrier): Delivery =>
  ({ notification, trace, progress: { failures: { attempts: 2 } } }) as unknown as Delivery;
const report = (changes: Partial<RunReport>) => async (): Promise<RunReport> => changes as RunReport;

describe('the spans of a notification', () => {
  it('begin with the one that adds it to the queue', async () => {
    const spans = recordSpans(onTestFinished);
    expect(await inSendSpan(notification, async () => 'accepted')).toBe('accepted');
    expect(spans()).toMatchObject([{ name: 'send notifications', kind: SpanKind.PRODUCER }]);
    expect(spans()[0]!.attributes).toEqual({ ...ATTRIBUTES, 'messaging.operation.type': 'send' });
  });

  it('continue with one for each delivery, in the trace of the one that added it', async () => {
    const spans = recordSpans(onTestFinished);
    const carrier = await inSendSpan(notification, async () => currentTrace());
    await inDeliverySpan(delivery(carrier), report({ outcome: 'updated' }));
    const [send, process] = spans();
    expect(process).toMatchObject({
      name: 'process notifications',
      kind: SpanKind.CONSUMER,
      parentSpanContext: { spanId: send!.spanContext().spanId },
      status: { code: SpanStatusCode.UNSET },
    });
    expect(process!.attributes).toEqual({
      ...ATTRIBUTES,
      'messaging.operation.type': 'process',
      'fluent_connector.attempt': 3,
      'fluent_connector.outcome': 'updated',
    });
  });

  it('show a run that failed, with the code of its error and without its message', async () => {
    const spans = recordSpans(onTestFinished);
    const error = new TransientError('host db-1 is away', { code: 'Timeout' });
    await inDeliverySpan(delivery(), report({ outcome: 'retried', error }));
    expect(spans()[0]).toMatchObject({
      status: { code: SpanStatusCode.ERROR },
      attributes: { 'fluent_connector.outcome': 'retried', 'error.type': 'Timeout' },
    });
    expect(JSON.stringify([spans()[0]!.attributes, spans()[0]!.status])).not.toContain('db-1');
  });

  it('show no outcome of a delivery that comes again', async () => {
    const spans = recordSpans(onTestFinished);
    await inDeliverySpan(delivery(), async () => undefined);
    expect(spans()[0]!.attributes).not.toHaveProperty('fluent_connector.outcome');
    expect(spans()[0]!.status).toEqual({ code: SpanStatusCode.UNSET });
  });
});
