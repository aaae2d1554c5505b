import { Injectable, type OnApplicationBootstrap } from '@nestjs/common';
import { PinoLogger } from 'nestjs-pino';
import type { Logger } from 'pino';
import { ConnectorConfig } from '../config/index.js';
import { CircuitOpenError, ConfigurationError, TransientError } from '../errors.js';
import { ConnectorMetrics } from '../metrics/index.js';
import type { FluentNotification } from '../notification/index.js';
import { MessageQueue, type ProcessContext, type ProcessResult, type RunReport } from './message-queue.js';
import { UNEXPECTED, asConnectorError, invalidReturn } from '../call-override.js';
import { withDeadline } from '../handlers/handler-deadline.js';
import { inSpan } from '../tracing/index.js';
import { HandlerRegistry } from '../handlers/handler-registry.js';
import type { HandlerContext, HandlerResult } from '../handlers/notification-handler.js';
import { readAttributes } from '../handlers/read-attributes.js';
import type { RegisteredHandler } from '../handlers/registered-handler.js';

/** What a handler can report. */
const OUTCOMES: ReadonlySet<unknown> = new Set<HandlerResult['outcome']>([
  'updated',
  'unchanged',
  'unmapped',
]);
/** Outcomes after which commercetools agrees. */
const AGREED: ReadonlySet<RunReport['outcome']> = new Set(['updated', 'unchanged', 'superseded']);

/** Takes notifications from the queue to the handler of their name, and tells logs and metrics how they ended. */
@Injectable()
export class NotificationDispatcher implements OnApplicationBootstrap {
  private readonly outcomes: Logger;

  constructor(
    private readonly registry: HandlerRegistry,
    private readonly queue: MessageQueue,
    private readonly config: ConnectorConfig,
    private readonly metrics: ConnectorMetrics,
    private readonly logger: PinoLogger,
  ) {
    logger.setContext('Notifications');
    // Their fields are fixed and hold no secret; looking for one in each line is a fiftieth of a worker's time.
    this.outcomes = logger.logger.child({ context: 'Notifications' }, { redact: [] });
  }

  async onApplicationBootstrap(): Promise<void> {
    if (this.config.role === 'ingress') return;
    await this.queue.process(
      (notification, context) => this.dispatch(notification, context),
      (run) => this.report(run),
    );
  }

  private async dispatch(notification: FluentNotification, context: ProcessContext): Promise<ProcessResult> {
    const { name, accountId, retailerId } = notification;
    const handler = this.registry.find(name);
    if (!handler) {
      throw new ConfigurationError(
        `no handler for "${name}" in this worker, but the ingress had one; run the same version and configuration in both`,
      );
    }
    const scope = this.config.scope(accountId, retailerId);
    if (!scope) {
      throw new ConfigurationError(
        `account ${accountId}, retailer ${retailerId} is no longer configured; add it again, or remove its notifications`,
      );
    }
    const attributes = await this.attributesOf(notification, handler);
    const leave = await handler.slots?.enter();
    try {
      return await inSpan(handler.className, {}, () =>
        this.run(handler, notification, { ...context, scope, attributes }),
      );
    } finally {
      leave?.();
    }
  }

  private async attributesOf(
    notification: FluentNotification,
    { attributesClass, className }: RegisteredHandler,
  ): Promise<object | undefined> {
    if (!attributesClass) return undefined;
    return readAttributes(notification, attributesClass).catch((error: unknown) => {
      throw asConnectorError(attributesClass.prototype as object, `validate for ${className}`, error);
    });
  }

  private async run(
    { instance, className, timeoutMs }: RegisteredHandler,
    notification: FluentNotification,
    context: ProcessContext & Pick<HandlerContext<object | undefined>, 'scope' | 'attributes'>,
  ): Promise<ProcessResult> {
    const { id: notificationId, accountId, name } = notification;
    const { account, retailerId } = context.scope;
    const logger = this.logger.logger.child({ notificationId, accountId, name });
    try {
      const result = await withDeadline(className, timeoutMs, context.signal, async (signal) =>
        instance.handle(notification, { ...context, account, retailerId, logger, signal }),
      );
      return resultOf(instance, result);
    } catch (error) {
      const explained = asConnectorError(instance, 'handle', error);
      // The queue keeps name and message; where it broke is for whoever wrote the class.
      if (explained instanceof TransientError && explained.code === UNEXPECTED && !context.signal.aborted) {
        logger.error({ err: explained.cause }, explained.message);
      }
      throw explained;
    }
  }

  private report({ notification, outcome, attempt, lagMs, error, delayMs }: RunReport): void {
    const { id, accountId, retailerId, name, entityRef } = notification;
    this.metrics.notifications.inc({
      account: this.config.account(accountId) ? accountId : 'other',
      name: this.registry.labelOf(name),
      outcome,
    });
    if (AGREED.has(outcome)) this.metrics.syncLag.observe(lagMs / 1000);

    const line = {
      notificationId: id,
      accountId,
      retailerId,
      name,
      entityRef,
      outcome,
      attempt,
      lagMs: Math.round(lagMs),
      ...(delayMs === undefined ? {} : { retryInMs: delayMs }),
      ...(error ? { error: { name: error.name, message: error.message } } : {}),
    };
    if (outcome === 'dead' || error instanceof ConfigurationError) {
      this.outcomes.error(line, `notification ${outcome}: ${error?.message ?? ''}`);
    } else if (error instanceof CircuitOpenError) {
      // Not a try. An outage holds all notifications back again and again; the breaker tells of it once.
      this.outcomes.debug(line, `notification held back: ${error.message}`);
    } else if (outcome === 'retried') {
      this.outcomes.warn(line, `notification retried: ${error?.message ?? ''}`);
    } else {
      this.outcomes.info(line, `notification ${outcome}`);
    }
  }
}

/** @throws TransientError when a handler reports something that is no result. */
function resultOf(instance: object, result: HandlerResult | void): ProcessResult {
  if (result === undefined) return { outcome: 'updated' };
  const { outcome, saw } = Object(result) as Partial<HandlerResult>;
  const isOutcome = OUTCOMES.has(outcome);
  if (isOutcome && (saw === undefined || typeof saw === 'string')) return result;
  throw invalidReturn(
    instance,
    'handle',
    `${isOutcome ? 'a "saw" that is no text' : 'no outcome'}; return nothing, or { outcome, saw? } with one of ` +
      [...OUTCOMES].join(', '),
  );
}
