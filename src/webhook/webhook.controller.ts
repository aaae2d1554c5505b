import { HttpCode, Post, Req, UseGuards } from '@nestjs/common';
import { PinoLogger } from 'nestjs-pino';
import { NotificationIntake } from '../delivery/index.js';
import { Problem, requiredTextViolation, type FieldViolation, type JsonRequest } from '../http/index.js';
import { ConnectorMetrics } from '../metrics/index.js';
import type { FluentNotification } from '../notification/index.js';
import { SpanKind, inSpan, traceOf } from '../tracing/index.js';
import { SignatureGuard } from './signature-guard.js';

/** The response to a webhook that Fluent does not need to send again. */
export interface WebhookAnswer {
  readonly status: 'accepted' | 'duplicate' | 'ignored';
  readonly id: string;
}

/**
 * Accepts Fluent's webhooks. A 200 means that the queue has stored the notification, already had it, or that no
 * handler has its name. Every other status tells Fluent that the notification was not accepted.
 */
@UseGuards(SignatureGuard)
export class WebhookController {
  constructor(
    private readonly intake: NotificationIntake,
    private readonly metrics: ConnectorMetrics,
    private readonly logger: PinoLogger,
  ) {
    logger.setContext('Webhook');
  }

  /** @throws Problem 400 that lists every violation of the notification contract. */
  @Post()
  @HttpCode(200)
  async receive(@Req() request: JsonRequest): Promise<WebhookAnswer> {
    const body = request.body as Record<string, unknown>;
    const violations = violationsOf(body);
    if (violations.length > 0) {
      throw new Problem(400, {
        detail: 'the body is not a notification',
        extensions: { violations },
        reason: violations.map(({ field, message }) => `${field} ${message}`).join(', '),
      });
    }
    const notification = body as FluentNotification;
    // Unsigned requests get no span: a stranger must not fill the trace store or decide what is sampled.
    const status = await inSpan(
      'webhook',
      {
        kind: SpanKind.SERVER,
        parent: traceOf(request.headers),
        attributes: { 'http.request.method': 'POST' },
      },
      async (span) => {
        const answered = await this.submit(notification);
        span.setAttribute('fluent_connector.outcome', answered);
        return answered;
      },
    );
    return { status, id: notification.id };
  }

  private async submit(notification: FluentNotification): Promise<WebhookAnswer['status']> {
    const { id, accountId, name } = notification;
    const status = await this.intake.submit(notification);
    this.metrics.webhooks.inc({ account: accountId, outcome: status });
    // A line per webhook would cost more than the rest of the ingress, and its outcome is logged anyway.
    this.logger.debug({ notificationId: id, accountId, name, status }, `webhook ${status}`);
    return status;
  }
}

const REQUIRED = ['id', 'name', 'accountId', 'retailerId', 'entityId', 'entityRef', 'entityType'] as const;

/**
 * Checks the seven required fields. Optional fields are not checked: Fluent sends them with other types than its
 * schema publishes, and sends fields that the schema does not have.
 *
 * @returns all violations; an empty list means that the body is a notification.
 */
export function violationsOf(body: Readonly<Record<string, unknown>>): FieldViolation[] {
  const violations: FieldViolation[] = [];
  for (const field of REQUIRED) {
    const message = requiredTextViolation(Object.hasOwn(body, field) ? body[field] : undefined);
    if (message !== undefined) violations.push({ field, message });
  }
  return violations;
}
