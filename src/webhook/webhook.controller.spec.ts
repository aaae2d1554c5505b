import { SpanKind } from '@opentelemetry/api';
import type { PinoLogger } from 'nestjs-pino';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { recordSpans } from '../../test/support/recorded-spans.js';
import { QueueUnavailableError, type NotificationIntake } from '../delivery/index.js';
import type { JsonRequest } from '../http/index.js';
import { ConnectorMetrics } from '../metrics/index.js';
import { WebhookController, violationsOf } from './webhook.controller.js';

const valid = {
  id: 'b34281d0-ada4-11e9-a1a7-5da7a83b9sd97cd',
  name: 'fc.connect.order.webhook.order-status-update',
  accountId: 'ACME',
  retailerId: '1',
  entityId: '123',
  entityRef: 'O_123',
  entityType: 'ORDER',
};

describe('violationsOf', () => {
  it('accepts a notification with only the required fields', () => {
    expect(violationsOf(valid)).toEqual([]);
  });

  it.each([
    ['attributes as an object', { attributes: { a: 1 } }],
    ['attributes as a string', { attributes: '{}' }],
    ['logs as arrays', { trailLogs: [], errorLogs: [{}] }],
    ['nulls in unused fields', { entityStatus: null, type: null, scheduledOn: 1, meta: false }],
    ['null in optional fields', { rootEntityId: null, entitySubtype: 7 }],
    ['unknown fields', { somethingNew: [[[]]] }],
  ])('accepts %s', (_case, extra) => {
    expect(violationsOf({ ...valid, ...extra })).toEqual([]);
  });

  it('returns all violations at once', () => {
    const { id: _id, ...rest } = valid;
    const body = { ...rest, name: ' \t', accountId: 7, retailerId: null, entityRef: 'x'.repeat(513) };
    expect(violationsOf(body)).toEqual([
      { field: 'id', message: 'is missing' },
      { field: 'name', message: 'must not be blank' },
      { field: 'accountId', message: 'must be a string' },
      { field: 'retailerId', message: 'must be a string' },
      { field: 'entityRef', message: 'must have at most 512 characters' },
    ]);
  });

  it('does not read a required field from the prototype', () => {
    const body = JSON.parse(`{"__proto__":${JSON.stringify(valid)}}`) as Record<string, unknown>;
    expect(violationsOf(body)).toHaveLength(7);
    expect(violationsOf(Object.create(valid) as Record<string, unknown>)).toHaveLength(7);
  });
});

describe('WebhookController', () => {
  function setUp(submit: NotificationIntake['submit']) {
    const metrics = new ConnectorMetrics();
    const logger = {
      setContext: vi.fn<(context: string) => void>(),
      debug: vi.fn<(line: object, message: string) => void>(),
    };
    const intake = { submit: vi.fn<NotificationIntake['submit']>(submit) };
    const controller = new WebhookController(
      intake as unknown as NotificationIntake,
      metrics,
      logger as unknown as PinoLogger,
    );
    const receive = (body: unknown) => controller.receive({ body, headers: {} } as JsonRequest);
    const counted = async () =>
      (await metrics.webhooks.get()).values.map(({ labels, value }) => [
        labels.account,
        labels.outcome,
        value,
      ]);
    return { controller, intake, logger, receive, counted };
  }

  it.each(['accepted', 'duplicate', 'ignored'] as const)(
    'responds, counts and logs that a notification is %s',
    async (status) => {
      const { intake, logger, receive, counted } = setUp(async () => status);
      const body = { ...valid, more: 'as sent' };
      expect(await receive(body)).toEqual({ status, id: valid.id });
      expect(intake.submit.mock.calls).toEqual([[body]]);
      expect(await counted()).toEqual([['ACME', status, 1]]);
      expect(logger.setContext).toHaveBeenCalledWith('Webhook');
      expect(logger.debug.mock.calls).toEqual([
        [{ notificationId: valid.id, accountId: 'ACME', name: valid.name, status }, `webhook ${status}`],
      ]);
    },
  );

  it('has a span in the trace of the sender, with the answer', async () => {
    const spans = recordSpans(onTestFinished);
    const { controller } = setUp(async () => 'duplicate');
    const traceparent = '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01';
    await controller.receive({ body: valid, headers: { traceparent } } as unknown as JsonRequest);
    expect(spans()).toMatchObject([
      { name: 'webhook', kind: SpanKind.SERVER, parentSpanContext: { spanId: '00f067aa0ba902b7' } },
    ]);
    expect(spans()[0]!.attributes).toEqual({
      'http.request.method': 'POST',
      'fluent_connector.outcome': 'duplicate',
    });
  });

  it('rejects a body that is not a notification with every violation, and does not queue it', async () => {
    const { intake, receive } = setUp(async () => 'accepted');
    await expect(receive({ ...valid, id: undefined, name: ' ' })).rejects.toMatchObject({
      status: 400,
      detail: 'the body is not a notification',
      extensions: {
        violations: [
          { field: 'id', message: 'is missing' },
          { field: 'name', message: 'must not be blank' },
        ],
      },
      reason: 'id is missing, name must not be blank',
    });
    expect(intake.submit).not.toHaveBeenCalled();
  });

  it('confirms nothing that the queue has not confirmed', async () => {
    const error = new QueueUnavailableError('the queue is away');
    const { receive, counted } = setUp(async () => {
      throw error;
    });
    await expect(receive(valid)).rejects.toBe(error);
    expect(await counted()).toEqual([]);
  });
});
