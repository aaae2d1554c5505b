import { Injectable } from '@nestjs/common';
import type { Logger } from 'pino';
import { OrderNotFoundError } from '../commercetools/index.js';
import { ConnectorConfig } from '../config/index.js';
import { PermanentError, TransientError } from '../errors.js';
import { FluentClient } from '../fluent/index.js';
import {
  NotificationHandler,
  type HandlerContext,
  type HandlerResult,
  type NotificationHandlerContract,
} from '../handlers/index.js';
import { PinoLogger } from '../logging/index.js';
import { ConnectorMetrics } from '../metrics/index.js';
import {
  isFromBackfill,
  isFromReconciliation,
  orderIdOf,
  orderOf,
  type FluentNotification,
} from '../notification/index.js';
import { OrderStatusSync, type SyncOptions, type SyncResult } from './order-status-sync.js';
import type { StateReasons } from './state-reasons.js';
import type { StateField } from './states-by-history.js';
import { SyncedUpdates } from './synced-updates.js';

/** A day. `HTTP_CLIENT_TIMEOUT` itself may be weeks. */
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
    private readonly syncedUpdates: SyncedUpdates,
    private readonly logger: PinoLogger,
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
    // Fluent is read second. While it is away, the first read would be wasted in every attempt.
    this.fluent.throwIfCircuitOpen(context.scope.account.id);
    let result: SyncResult | undefined;
    try {
      result = await this.orderStatus.sync(
        orderOf(notification) ?? { id },
        context.scope,
        new SyncRequest(context, notification.id),
      );
    } catch (error) {
      if (!isFromReconciliation(notification) || !(error instanceof OrderNotFoundError)) throw error;
      result = this.waitOrGiveUp(error, context);
    }
    // A webhook of the same order may be waiting until commercetools has it.
    if (!result) return { outcome: 'unchanged', supersedesPending: false };
    const { outcome, status, updatedOn, skipped } = result;
    const details = outcomeDetails(result);
    // The logger of the context is made when it is used.
    if (this.logger.logger.isLevelEnabled('debug')) {
      context.logger.debug({ orderId: id, ...details, outcome }, 'order status synced');
    }
    // A backfill says nothing about lost webhooks.
    const isFound = isFromReconciliation(notification) && !isFromBackfill(notification);
    if (outcome === 'updated' && isFound) this.metrics.reconcileFound.inc();
    const recheck = skipped?.isBehind === true;
    // What a hook has left alone, or what is not known yet, is for reconciliation to look at once more.
    if (skipped && !recheck)
      await this.syncedUpdates.note(context.scope.account.id, { id, status, updatedOn });
    // The recheck counts `unknown` if it does not know more.
    const isPending = recheck && !context.isRecheck && skipped.result === 'unknown';
    if (skipped?.result && !isPending) this.metrics.skippedStatuses.inc({ result: skipped.result });
    return { outcome, observedState: status, recheck, details: { ...details } };
  }

  /**
   * Reconciliation sees every order of the account, also those that commercetools never gets. Such an order does
   * not become a dead letter. An order that comes late, and whose webhook was lost, is retried as after a webhook.
   */
  private waitOrGiveUp(error: OrderNotFoundError, { acceptedAt }: HandlerContext): undefined {
    const { orderNotFoundMaxAgeSeconds, reconciliation } = this.config;
    const retryAfterMs = reconciliation.intervalSeconds * 1000;
    if (Date.now() - acceptedAt.getTime() + retryAfterMs > orderNotFoundMaxAgeSeconds * 1000)
      return undefined;
    throw new TransientError(error.message, { code: error.code, retryAfterMs });
  }
}

/** What a sync takes from the context of its handler. */
class SyncRequest implements SyncOptions {
  readonly signal: AbortSignal;

  constructor(
    private readonly context: HandlerContext,
    readonly correlationId: string,
  ) {
    this.signal = context.signal;
  }

  /** The logger is made when it is used. */
  get logger(): Logger {
    return this.context.logger;
  }
}

/** Only in an ORDER event is entityStatus the order's status. */
function announcedStatus({ entityType, entityStatus }: FluentNotification): string | undefined {
  return entityType === 'ORDER' && typeof entityStatus === 'string' && entityStatus !== ''
    ? entityStatus
    : undefined;
}

/** What the outcome's log line says about a sync. */
export interface OutcomeDetails {
  readonly fluentStatus: string;
  /** The number of the commercetools order, or its id when it has none. */
  readonly order: string;
  /** The version of the commercetools order that was read, and updated. */
  readonly orderVersion: number;
  /** Which entry of which setting decided each state, or why the state stays. */
  readonly reasons: StateReasons;
  /** The value of each state, or its change: `Pending -> Paid`. */
  readonly states: Readonly<Record<string, string>>;
  /** The mappings that could get an entry for the status, when none has one. */
  readonly mappings?: readonly string[];
  /** The result of looking at the statuses that the order passed, if that was necessary. */
  readonly skippedStatuses?: string;
  /** Which states may have stayed behind, and why. */
  readonly doubt?: string;
  /** What hooks with `required: false` could not do, by their class. */
  readonly lostHooks?: Readonly<Record<string, string>>;
}

/** Pure: explains a sync in one line. */
export function outcomeDetails({
  outcome,
  status,
  states,
  before,
  skipped,
  commercetoolsOrder,
  reasons,
  hooks,
}: SyncResult): OutcomeDetails {
  const lost = hooks.flatMap(({ hook, lost: reason }) =>
    reason === undefined ? [] : [[hook, reason] as const],
  );
  const change = (field: StateField): string => {
    const was = before[field] ?? 'unset';
    const isChanged = outcome === 'updated' && states[field] !== undefined && states[field] !== was;
    return isChanged ? `${was} -> ${states[field]}` : was;
  };
  return {
    fluentStatus: status,
    order: commercetoolsOrder.orderNumber ?? commercetoolsOrder.id,
    orderVersion: commercetoolsOrder.version,
    states: {
      orderState: change('orderState'),
      paymentState: change('paymentState'),
      shipmentState: change('shipmentState'),
    },
    reasons,
    ...(outcome === 'unmapped' && { mappings: skipped?.sources }),
    ...(skipped?.result && { skippedStatuses: skipped.result }),
    ...(skipped?.doubt !== undefined && { doubt: skipped.doubt }),
    ...(lost.length > 0 && { lostHooks: Object.fromEntries(lost) }),
  };
}
