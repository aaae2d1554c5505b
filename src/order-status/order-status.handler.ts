import { Injectable } from '@nestjs/common';
import { ConnectorConfig } from '../config/index.js';
import { PermanentError, TransientError } from '../errors.js';
import { FluentClient } from '../fluent/index.js';
import {
  NotificationHandler,
  type HandlerContext,
  type HandlerResult,
  type NotificationHandlerContract,
} from '../handlers/index.js';
import { ConnectorMetrics } from '../metrics/index.js';
import { isFromReconciliation, orderIdOf, orderOf, type FluentNotification } from '../notification/index.js';
import { OrderNotFoundError, OrderStatusSync } from './order-status-sync.js';
import { outcomeDetails } from './outcome-details.js';

/** A day; `HTTP_CLIENT_TIMEOUT` may be absurdly long. */
const MAX_TIMEOUT_MS = 86_400_000;

/** The built-in handler: brings the order of a notification into agreement. */
@NotificationHandler({
  names: (config) => config.orderStatusEventNames,
  coalesce: orderIdOf,
  expectedState: announcedStatus,
  // A round makes four calls, each of which may take its whole time-out.
  timeoutMs: ({ httpClientTimeoutMs }) =>
    Math.min(Math.max(120_000, 5 * httpClientTimeoutMs), MAX_TIMEOUT_MS),
})
@Injectable()
export class OrderStatusHandler implements NotificationHandlerContract {
  constructor(
    private readonly orderStatus: OrderStatusSync,
    private readonly metrics: ConnectorMetrics,
    private readonly fluent: FluentClient,
    private readonly config: ConnectorConfig,
  ) {}

  async handle(notification: FluentNotification, context: HandlerContext): Promise<HandlerResult> {
    const id = orderIdOf(notification);
    if (id === undefined) {
      throw new PermanentError(
        `notification ${notification.name} is about ${notification.entityType} ${notification.entityRef} and names no ` +
          'order; send it from the ORDER workflow, or with rootEntityType and rootEntityId of the order',
        { code: 'NoOrder' },
      );
    }
    // Fluent is read second. While it is away, the first read would be wasted each time a notification comes again.
    this.fluent.throwIfCircuitOpen(context.scope.account.id);
    const result = await this.orderStatus
      .sync(orderOf(notification) ?? { id }, context.scope, {
        signal: context.signal,
        logger: context.logger,
        correlationId: notification.id,
      })
      .catch((error: unknown) => {
        if (isFromReconciliation(notification) && error instanceof OrderNotFoundError) {
          return this.waitOrGiveUp(error, context);
        }
        throw error;
      });
    // A webhook of the same order may be waiting until commercetools has it.
    if (!result) return { outcome: 'unchanged', supersedesPending: false };
    const { outcome, status, skipped } = result;
    const details = outcomeDetails(result);
    context.logger.debug({ orderId: id, ...details, outcome }, 'order status synced');
    if (outcome === 'updated' && isFromReconciliation(notification)) this.metrics.reconcileFound.inc();
    const recheck = skipped?.isBehind === true;
    // What is not known yet is counted when the recheck does not know it either.
    const isPending = recheck && !context.isRecheck && skipped.result === 'unknown';
    if (skipped?.result && !isPending) this.metrics.skippedStatuses.inc({ result: skipped.result });
    return { outcome, observedState: status, recheck, details: { ...details } };
  }

  /**
   * Reconciliation sees every order of the account, also those that commercetools never has. Such an order is no
   * dead letter, but one that comes late, and whose webhook was lost, is waited for as webhooks wait.
   */
  private waitOrGiveUp(error: OrderNotFoundError, { acceptedAt }: HandlerContext): undefined {
    const { orderNotFoundMaxAgeSeconds, reconciliation } = this.config;
    const retryAfterMs = reconciliation.intervalSeconds * 1000;
    if (Date.now() - acceptedAt.getTime() + retryAfterMs > orderNotFoundMaxAgeSeconds * 1000)
      return undefined;
    throw new TransientError(error.message, { code: error.code, retryAfterMs });
  }
}

/** Only an ORDER event's entityStatus speaks of the order. */
function announcedStatus({ entityType, entityStatus }: FluentNotification): string | undefined {
  return entityType === 'ORDER' && typeof entityStatus === 'string' && entityStatus !== ''
    ? entityStatus
    : undefined;
}
