import { Injectable, type OnApplicationBootstrap } from '@nestjs/common';
import { PinoLogger } from 'nestjs-pino';
import { ConnectorConfig } from '../config/index.js';
import { ConfigurationError } from '../errors.js';
import { ConnectorMetrics } from '../metrics/index.js';
import type { FluentNotification } from '../notification/index.js';
import { MessageQueue, type ProcessContext, type ProcessResult, type RunReport } from '../queue/index.js';
import { HandlerRegistry } from './handler-registry.js';

/** Outcomes after which commercetools agrees. */
const AGREED: ReadonlySet<RunReport['outcome']> = new Set(['updated', 'unchanged', 'superseded']);

/** Takes notifications from the queue to the handler of their name, and tells logs and metrics how they ended. */
@Injectable()
export class NotificationDispatcher implements OnApplicationBootstrap {
  constructor(
    private readonly registry: HandlerRegistry,
    private readonly queue: MessageQueue,
    private readonly config: ConnectorConfig,
    private readonly metrics: ConnectorMetrics,
    private readonly logger: PinoLogger,
  ) {
    logger.setContext('Notifications');
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
    const logger = this.logger.logger.child({ notificationId: notification.id, accountId, name });
    const result = await handler.instance.handle(notification, { ...context, scope, logger });
    return result ?? { outcome: 'updated' };
  }

  private report({ notification, outcome, attempt, lagMs, error, delayMs }: RunReport): void {
    const { id, accountId, retailerId, name, entityRef } = notification;
    this.metrics.notifications.inc({
      account: this.config.account(accountId) ? accountId : 'other',
      name: this.registry.find(name) ? name : 'other',
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
      this.logger.error(line, `notification ${outcome}: ${error?.message ?? ''}`);
    } else if (outcome === 'retried') {
      this.logger.warn(line, `notification retried: ${error?.message ?? ''}`);
    } else {
      this.logger.info(line, `notification ${outcome}`);
    }
  }
}
