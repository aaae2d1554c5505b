import { setTimeout as delay } from 'node:timers/promises';
import { Injectable } from '@nestjs/common';
import type { Logger } from 'pino';
import {
  ConflictError,
  OrderLookup,
  OrderUpdate,
  orderUpdateActions,
  type CommercetoolsRequestOptions,
  type OrderStates,
} from '../commercetools/index.js';
import { ConnectorConfig, type RetailerScope } from '../config/index.js';
import { PermanentError, TransientError } from '../errors.js';
import { FluentClient, type FluentOrder } from '../fluent/index.js';
import { StatusMapper } from '../mapping/index.js';
import { ConnectorMetrics } from '../metrics/index.js';
import type { OrderReference } from '../notification/index.js';

/** Conflicts in a row after which the queue's back-off takes over. */
const MAX_ROUNDS = 5;
/** Before the next round at most this times the round's number, at random: writers that met part ways. */
const CONFLICT_JITTER_MS = 50;

/** commercetools does not have the order, or not yet. */
export class OrderNotFoundError extends TransientError {}

/** How a sync ended, and the Fluent status it ended with. */
export interface SyncResult {
  readonly outcome: 'updated' | 'unchanged' | 'unmapped';
  readonly status: string;
  readonly states: OrderStates;
}

export interface SyncOptions extends CommercetoolsRequestOptions {
  readonly signal: AbortSignal;
  readonly logger: Logger;
}

/** Makes one commercetools order agree with Fluent's status of it. */
@Injectable()
export class OrderStatusSync {
  constructor(
    private readonly lookup: OrderLookup,
    private readonly update: OrderUpdate,
    private readonly mapper: StatusMapper,
    private readonly fluent: FluentClient,
    private readonly config: ConnectorConfig,
    private readonly metrics: ConnectorMetrics,
  ) {}

  /**
   * Reads commercetools first and Fluent second, and writes with the version of the first read: whoever
   * wrote in between has made that version stale. So the last write that succeeds carries the freshest
   * status, with any number of writers and without a lock. Swapping the reads, or doing both at once,
   * would let an old status be written over a newer one.
   *
   * @throws TransientError when the order is not there yet, or conflicts do not end.
   * @throws PermanentError when the order belongs to another retailer.
   */
  async sync(order: OrderReference, scope: RetailerScope, options: SyncOptions): Promise<SyncResult> {
    for (let round = 1; ; round++) {
      const current = await this.lookup.find(order, scope, options);
      if (!current) throw this.notInCommercetools(order, scope);

      const fluentOrder = await this.readFluentOrder(order, scope, options);
      const states = await this.mapper.map(fluentOrder, scope);
      const result = { status: fluentOrder.status, states };
      if (isEmpty(states)) return { ...result, outcome: 'unmapped' };

      const actions = orderUpdateActions(current, states);
      if (actions.length === 0) return { ...result, outcome: 'unchanged' };

      try {
        await this.update.apply(current, actions, scope, options);
        return { ...result, outcome: 'updated' };
      } catch (error) {
        if (!(error instanceof ConflictError)) throw error;
        this.metrics.conflicts.inc();
        options.logger.debug(
          { orderRef: order.ref, round },
          'somebody else wrote the order; reading it again',
        );
        if (round === MAX_ROUNDS) throw error;
      }
      await delay(Math.random() * CONFLICT_JITTER_MS * round, undefined, { signal: options.signal });
    }
  }

  private async readFluentOrder(
    { id, ref }: OrderReference,
    scope: RetailerScope,
    { signal }: SyncOptions,
  ): Promise<FluentOrder> {
    const account = scope.account.id;
    const fluentOrder = await this.fluent.getOrder(scope, id, { signal });
    if (!fluentOrder) {
      throw new TransientError(
        `Fluent account ${account} has no order with id ${id} (ref ${ref}); ` +
          'check that the webhook comes from this account and that FLUENT_USERNAME may read its orders',
        { code: 'FluentOrderNotFound', maxAgeSeconds: this.config.orderNotFoundMaxAgeSeconds },
      );
    }
    if (fluentOrder.retailerId !== scope.retailerId) {
      throw new PermanentError(
        `Fluent order ${id} (ref ${ref}, account ${account}) belongs to retailer ${fluentOrder.retailerId}, ` +
          `but the notification says ${scope.retailerId}; correct the webhook's rule in Fluent`,
        { code: 'WrongRetailer' },
      );
    }
    return fluentOrder;
  }

  private notInCommercetools({ ref }: OrderReference, scope: RetailerScope): OrderNotFoundError {
    return new OrderNotFoundError(
      `commercetools project ${scope.project.key} has no order for the Fluent ref ${ref} (account ${scope.account.id}, ` +
        `looked up by ${scope.orderLookup}${scope.orderRefPrefix ? ` without the prefix ${scope.orderRefPrefix}` : ''}); ` +
        'if it never comes, check ORDER_LOOKUP and ORDER_REF_PREFIX',
      { code: 'OrderNotFound', maxAgeSeconds: this.config.orderNotFoundMaxAgeSeconds },
    );
  }
}

function isEmpty({ orderState, paymentState, shipmentState }: OrderStates): boolean {
  return orderState === undefined && paymentState === undefined && shipmentState === undefined;
}
