import { Injectable } from '@nestjs/common';
import type { Logger } from 'pino';
import {
  CommercetoolsOrders,
  OrderLookup,
  checkedOrder,
  orderUpdateActions,
  type CommercetoolsOrder,
  type CommercetoolsRequestOptions,
  type OrderStates,
  type OrderUpdateAction,
} from '../commercetools/index.js';
import { ConnectorConfig, type RetailerScope } from '../config/index.js';
import { PermanentError, TransientError } from '../errors.js';
import { FluentClient, type FluentOrder } from '../fluent/index.js';
import { SettingsStatusMapper, StatusMapper } from '../mapping/index.js';
import type { OrderReference } from '../notification/index.js';
import { callOverride, nameOf } from '../call-override.js';
import { checkedFluentOrder, checkedStates } from './checked-answers.js';
import type { HookedOrder } from './order-status-hook.js';
import { OrderStatusHooks } from './order-status-hooks.js';
import { OrderOwners } from './order-owners.js';
import { allBecause, stateReasons, type StateReasons } from './state-reasons.js';
import { SkippedStatuses, type SkippedStatusesFinding } from './skipped-statuses.js';

/** The order of a notification. Not every notification contains its ref. */
export type OrderToSync = Pick<OrderReference, 'id'> & Partial<OrderReference>;

/** How a sync ended, and the Fluent status it ended with. */
export interface SyncResult {
  readonly outcome: 'updated' | 'unchanged' | 'unmapped';
  readonly status: string;
  /** `updatedOn` of the Fluent order, as Fluent sent it. */
  readonly updatedOn?: string;
  /** The states that the order should have, from its status and the statuses that it has passed. */
  readonly states: OrderStates;
  /** The states before the sync. */
  readonly before: OrderStates;
  /** Both orders as they were read. */
  readonly fluentOrder: FluentOrder;
  readonly commercetoolsOrder: CommercetoolsOrder;
  /** What was sent, or with {@link SyncOptions.dryRun} what would be sent. */
  readonly actions: readonly OrderUpdateAction[];
  /** Why each state is set, or left as it is. */
  readonly reasons: StateReasons;
  /** The result for the statuses that the order has passed. Missing when a hook skips the order. */
  readonly skipped?: SkippedStatusesFinding;
}

export interface SyncOptions extends CommercetoolsRequestOptions {
  readonly signal: AbortSignal;
  readonly logger: Logger;
  /** Reads and computes everything, and sends nothing. */
  readonly dryRun?: boolean;
}

/** Updates the states of one commercetools order to match its status in Fluent. */
@Injectable()
export class OrderStatusSync {
  constructor(
    private readonly lookup: OrderLookup,
    private readonly orders: CommercetoolsOrders,
    private readonly mapper: StatusMapper,
    private readonly fluent: FluentClient,
    private readonly config: ConnectorConfig,
    private readonly hooks: OrderStatusHooks,
    private readonly skippedStatuses: SkippedStatuses,
    private readonly owners: OrderOwners,
    private readonly settingsMapper: SettingsStatusMapper,
  ) {}

  /**
   * Reads the commercetools order first, its Fluent status second and the earlier statuses third. The write names the
   * version of the first read, so it fails if another writer changed the order in between. Therefore the last successful
   * write carries the latest status, with any number of writers and without a lock. If the reads were swapped or concurrent,
   * an old status could overwrite a newer one. The write, hooks included, depends only on these reads and is computed again
   * after a conflict.
   *
   * @param given without a ref when the notification does not contain it. The sync then reads it from Fluent first.
   * @throws TransientError when the order does not exist yet, or conflicts do not end.
   * @throws PermanentError when the order belongs to another retailer, or has another ref.
   * @throws ConfigurationError when the commercetools order was last written for another Fluent order.
   */
  async sync(given: OrderToSync, scope: RetailerScope, options: SyncOptions): Promise<SyncResult> {
    const { id, ref = (await this.readFluentOrder(given, scope, options)).ref } = given;
    const order: OrderReference = { id, ref };
    let result!: SyncResult;
    await this.orders.updateOrder(
      scope,
      order,
      async (current) => {
        result = await this.decide(order, current, scope, options);
        return options.dryRun ? [] : result.actions;
      },
      { ...options, find: () => this.findCommercetoolsOrder(order, scope, options) },
    );
    return result;
  }

  private async decide(
    order: OrderReference,
    current: CommercetoolsOrder,
    scope: RetailerScope,
    options: SyncOptions,
  ): Promise<SyncResult> {
    const { signal, logger } = options;
    const fluentOrder = await this.readFluentOrder(order, scope, options);
    const { status, updatedOn } = fluentOrder;
    const read = { status, before: statesOf(current), fluentOrder, commercetoolsOrder: current };
    const leftAlone = (reason: string): SyncResult => ({
      ...read,
      outcome: 'unchanged',
      states: {},
      actions: [],
      reasons: allBecause(reason),
    });

    const hooked = hookedOrder(fluentOrder, current, scope, options);
    const skippedBy = await this.hooks.skippedBy(hooked);
    if (skippedBy !== undefined) {
      logger.debug({ orderRef: order.ref, status }, `${skippedBy} skips the order`);
      return leftAlone(`${skippedBy} skips the order`);
    }

    const mapped = await this.mapped(fluentOrder, scope, signal);
    // The mapper's decisions are kept by the very order that it mapped.
    const inStatus = new Map([[status, fluentOrder]]);
    const skipped = await this.skippedStatuses.find(
      current,
      fluentOrder,
      mapped,
      scope,
      (passed) => {
        const earlier = { ...fluentOrder, status: passed };
        inStatus.set(passed, earlier);
        return this.mapped(earlier, scope, signal);
      },
      signal,
    );
    const states = { ...mapped, ...skipped.states };
    const stateActions = orderUpdateActions(current, states);
    const actions = [...stateActions, ...(await this.hooks.actions(hooked, states))];
    const reasons = stateReasons(fluentOrder, mapped, skipped, {
      mapper: nameOf(this.mapper),
      decisionsIn: (passed) => this.settingsMapper.decisionsFor(inStatus.get(passed) ?? fluentOrder),
    });
    const result = { ...read, updatedOn, states, skipped, actions, reasons };
    if (actions.length === 0) return { ...result, outcome: isEmpty(states) ? 'unmapped' : 'unchanged' };
    if (options.dryRun) return { ...result, outcome: 'updated' };
    if (stateActions.length > 0 && !(await this.owners.mayWrite(order, current, mapped, scope, options))) {
      return leftAlone('left alone: the order is cancelled, and another Fluent order owns this one');
    }
    return { ...result, outcome: 'updated' };
  }

  private async findCommercetoolsOrder(
    order: OrderReference,
    scope: RetailerScope,
    options: SyncOptions,
  ): Promise<CommercetoolsOrder | undefined> {
    const { commercetoolsFields } = this.hooks;
    const found = await this.lookup.find(order, scope, { ...options, commercetoolsFields });
    return checkedOrder(this.lookup, found, commercetoolsFields !== undefined);
  }

  private async mapped(order: FluentOrder, scope: RetailerScope, signal: AbortSignal): Promise<OrderStates> {
    const { mapper } = this;
    return checkedStates(mapper, await callOverride(mapper, 'map', () => mapper.map(order, scope), signal));
  }

  private async readFluentOrder(
    { id, ref }: OrderToSync,
    scope: RetailerScope,
    { signal }: SyncOptions,
  ): Promise<FluentOrder> {
    const account = scope.account.id;
    const { fluent } = this;
    const { fluentFields } = this.hooks;
    const getOrder = () => fluent.getOrder(scope, id, { signal, fluentFields });
    const fluentOrder = checkedFluentOrder(
      fluent,
      await callOverride(fluent, 'getOrder', getOrder, signal),
      !!fluentFields,
    );
    if (!fluentOrder) {
      throw new TransientError(
        `Fluent account ${account} has no order with id ${id} (ref ${ref ?? 'unknown'}); ` +
          'check that the webhook comes from this account and that FLUENT_USERNAME may read its orders',
        { code: 'FluentOrderNotFound', maxAgeSeconds: this.config.orderNotFoundMaxAgeSeconds },
      );
    }
    if (fluentOrder.retailerId !== scope.retailerId) {
      throw new PermanentError(
        `Fluent order ${id} (ref ${fluentOrder.ref}, account ${account}) belongs to retailer ${fluentOrder.retailerId}, ` +
          `but the notification says ${scope.retailerId}; correct the webhook's rule in Fluent`,
        { code: 'WrongRetailer' },
      );
    }
    // The commercetools order was found by the notification's ref. It would get the status of another order.
    if (ref !== undefined && fluentOrder.ref && fluentOrder.ref !== ref) {
      throw new PermanentError(
        `Fluent order ${id} (account ${account}) has the ref ${fluentOrder.ref}, but the notification says ${ref}; ` +
          "correct the webhook's rule in Fluent: entityRef or rootEntityRef names another order",
        { code: 'WrongOrderRef' },
      );
    }
    return fluentOrder;
  }
}

function hookedOrder(
  fluentOrder: FluentOrder,
  commercetoolsOrder: CommercetoolsOrder,
  scope: RetailerScope,
  { logger, signal }: SyncOptions,
): HookedOrder {
  return {
    // The reads have checked that the fields are present.
    fluentOrder: fluentOrder as HookedOrder['fluentOrder'],
    commercetoolsOrder: commercetoolsOrder as HookedOrder['commercetoolsOrder'],
    scope,
    logger,
    signal,
  };
}

function statesOf({ orderState, paymentState, shipmentState }: CommercetoolsOrder): OrderStates {
  return { orderState, paymentState, shipmentState };
}

function isEmpty({ orderState, paymentState, shipmentState }: OrderStates): boolean {
  return orderState === undefined && paymentState === undefined && shipmentState === undefined;
}
