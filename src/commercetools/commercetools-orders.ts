import { setTimeout as delay } from 'node:timers/promises';
import { Injectable } from '@nestjs/common';
import type { Logger } from 'pino';
import { callOverride, invalidReturn } from '../call-override.js';
import { ConnectorConfig, type RetailerScope } from '../config/index.js';
import { TransientError } from '../errors.js';
import { type OrderFragmentSource, orderFields, requireFields } from '../graphql/index.js';
import { isJsonObject, isNonEmptyText } from '../json.js';
import { ConnectorMetrics } from '../metrics/index.js';
import type { OrderReference } from '../notification/index.js';
import type { CommercetoolsRequestOptions } from './commercetools-client.js';
import { ConflictError } from './conflict-error.js';
import { ORDER_BY_ID } from './documents.js';
import { OrderLookup } from './order-lookup.js';
import { OrderUpdate } from './order-update.js';
import type { CommercetoolsOrder, OrderUpdateAction } from './order.js';

/** After this many conflicts in a row, the queue retries with its back-off. */
const MAX_ROUNDS = 5;
/** The longest random delay before the next round, times the round's number. It separates writers that conflict. */
const CONFLICT_JITTER_MS = 50;

/** commercetools does not have the order, or not yet. */
export class OrderNotFoundError extends TransientError {}

/** The order as it was read, with the fields that were asked for. */
export type ReadOrder<TFields = unknown> = CommercetoolsOrder & { readonly fields: TFields };

/**
 * Decides what to change.
 *
 * @param current the order as it is now. After a conflict, it is read again and the function runs again.
 * @returns the update actions. Without any, nothing is sent.
 */
export type DecideActions<TFields = unknown> = (
  current: ReadOrder<TFields>,
) => readonly OrderUpdateAction[] | Promise<readonly OrderUpdateAction[]>;

/** Options of {@link CommercetoolsOrders.updateOrder}. */
export interface UpdateOrderOptions<TFields = unknown> extends CommercetoolsRequestOptions {
  /** A GraphQL fragment on commercetools' `Order`, read with the order; as `current.fields`. */
  readonly fields?: OrderFragmentSource<TFields>;
  /** Logs each conflict at `debug`. */
  readonly logger?: Logger;
  /**
   * Reads the order in each round. Like an override of {@link OrderLookup}, it must read the single order, never a list or
   * a cache. Default: `OrderLookup.find`.
   */
  readonly find?: () => Promise<CommercetoolsOrder | undefined>;
}

/** How an update ended. A handler can return it as its result. */
export interface UpdatedOrder<TFields = unknown> {
  /** `unchanged` when there was nothing to send. */
  readonly outcome: 'updated' | 'unchanged';
  /** The order as it was read, before the update. */
  readonly order: ReadOrder<TFields>;
  /** What was sent. */
  readonly actions: readonly OrderUpdateAction[];
}

/**
 * Updates commercetools orders safely beside other writers. The built-in handler uses it, and yours can inject it.
 *
 * @example
 * @NotificationHandler('parcel.delivered')
 * @Injectable()
 * class DeliveredHandler {
 *   constructor(private readonly orders: CommercetoolsOrders) {}
 *
 *   async handle(notification: FluentNotification, { scope, signal }: HandlerContext) {
 *     const order = orderOf(notification);
 *     if (!order) throw new PermanentError('the notification names no order');
 *     return this.orders.updateOrder(
 *       scope,
 *       order,
 *       ({ shipmentState }) =>
 *         shipmentState === 'Delivered' ? [] : [{ changeShipmentState: { shipmentState: 'Delivered' } }],
 *       { signal },
 *     );
 *   }
 * }
 */
@Injectable()
export class CommercetoolsOrders {
  constructor(
    private readonly lookup: OrderLookup,
    private readonly update: OrderUpdate,
    private readonly config: ConnectorConfig,
    private readonly metrics: ConnectorMetrics,
  ) {}

  /**
   * Reads the order, asks for the actions and sends them with the version that was read. If another client has written the
   * order in between, everything is repeated: up to five times, with a short random pause.
   *
   * Read everything that the decision depends on inside `decide`, after the order. What was read before it may be older than
   * what another writer wrote, and the version would not notice.
   *
   * @throws TransientError when commercetools does not have the order yet; it is retried for `ORDER_NOT_FOUND_MAX_AGE`.
   * @throws ConflictError after five conflicts in a row; the queue's back-off takes over.
   * @throws whatever `decide` throws, and the errors of `OrderLookup` and `OrderUpdate`.
   */
  async updateOrder<TFields = unknown>(
    scope: RetailerScope,
    order: OrderReference,
    decide: DecideActions<TFields>,
    options: UpdateOrderOptions<TFields> = {},
  ): Promise<UpdatedOrder<TFields>> {
    const { fields, signal, correlationId } = options;
    const request = { signal, correlationId };
    const commercetoolsFields = fields === undefined ? undefined : orderFields(fields, ORDER_BY_ID);
    const find = options.find ?? (() => this.lookup.find(order, scope, { ...request, commercetoolsFields }));
    for (let round = 1; ; round++) {
      const current = checkedOrder(
        this.lookup,
        await callOverride(this.lookup, 'find', find, signal),
        commercetoolsFields !== undefined,
      );
      if (!current) throw this.notFound(order, scope);
      const read = current as ReadOrder<TFields>;
      const actions = await decide(read);
      if (actions.length === 0) return { outcome: 'unchanged', order: read, actions };
      try {
        const { update } = this;
        await callOverride(update, 'apply', () => update.apply(current, actions, scope, request), signal);
        return { outcome: 'updated', order: read, actions };
      } catch (error) {
        if (!(error instanceof ConflictError)) throw error;
        this.metrics.conflicts.inc();
        options.logger?.debug(
          { orderRef: order.ref, round },
          'another client has changed the order; reading it again',
        );
        if (round === MAX_ROUNDS) throw error;
      }
      await delay(Math.random() * CONFLICT_JITTER_MS * round, undefined, { signal });
    }
  }

  private notFound({ ref }: OrderReference, scope: RetailerScope): OrderNotFoundError {
    return new OrderNotFoundError(
      `commercetools project ${scope.project.key} has no order for the Fluent ref ${ref} (account ${scope.account.id}, ` +
        `looked up by ${scope.orderLookup}${scope.orderRefPrefix ? ` without the prefix ${scope.orderRefPrefix}` : ''}); ` +
        'if the order should exist, check ORDER_LOOKUP and ORDER_REF_PREFIX',
      { code: 'OrderNotFound', maxAgeSeconds: this.config.orderNotFoundMaxAgeSeconds },
    );
  }
}

/** @throws TransientError that names the look-up when the order cannot be updated. */
export function checkedOrder(
  lookup: object,
  answer: unknown,
  fieldsAreNeeded: boolean,
): CommercetoolsOrder | undefined {
  // An override may return either when it finds nothing.
  if (answer === undefined || answer === null) return undefined;
  if (!isJsonObject(answer) || !isNonEmptyText(answer['id']) || !Number.isInteger(answer['version'])) {
    throw invalidReturn(lookup, 'find', 'something other than an order with an id and a version');
  }
  if (fieldsAreNeeded) requireFields(lookup, 'find', answer, 'commercetoolsFields');
  return answer as unknown as CommercetoolsOrder;
}
