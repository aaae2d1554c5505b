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
  type UpdateOrderOptions,
} from '../commercetools/index.js';
import { ConnectorConfig, type RetailerScope } from '../config/index.js';
import { PermanentError, TransientError } from '../errors.js';
import { FluentClient, type FluentOrder } from '../fluent/index.js';
import { SettingsStatusMapper, StatusMapper } from '../mapping/index.js';
import type { OrderReference } from '../notification/index.js';
import { callOverride, nameOf, promiseOf } from '../call-override.js';
import { checkedFluentOrder, checkedStates } from './checked-answers.js';
import type { HookedOrder } from './order-status-hook.js';
import { HookFieldsCheck } from './hook-fields-check.js';
import { HookRun, type HookReport } from './hook-run.js';
import { OrderStatusHooks, type Hook } from './order-status-hooks.js';
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
  /** What each hook did. Empty without hooks, and when a hook skips the order. */
  readonly hooks: readonly HookReport[];
  /** The result for the statuses that the order has passed. Missing when a hook skips the order. */
  readonly skipped?: SkippedStatusesFinding;
}

export interface SyncOptions extends CommercetoolsRequestOptions {
  readonly signal: AbortSignal;
  readonly logger: Logger;
  /** Reads and computes everything, and sends nothing. */
  readonly dryRun?: boolean;
}

/** What one update is to contain: by default the states, and the actions of all hooks. */
interface Part {
  readonly withoutStates?: boolean;
  readonly hooks?: readonly Hook[];
}

/** What an update takes from the options of its sync. */
class UpdateRequest implements UpdateOrderOptions {
  readonly signal: AbortSignal;
  readonly correlationId?: string;

  constructor(
    private readonly options: SyncOptions,
    readonly find: () => Promise<CommercetoolsOrder | undefined>,
  ) {
    this.signal = options.signal;
    this.correlationId = options.correlationId;
  }

  /** The logger may be made when it is used. */
  get logger(): Logger {
    return this.options.logger;
  }
}

/** A result, before the hooks have reported. */
type Synced = Omit<SyncResult, 'hooks'>;

interface Decision {
  readonly result: Synced;
  /** How many of the actions are those of hooks. */
  readonly hookActions: number;
}

type Attempt = { readonly result: Synced } | { readonly refusal: PermanentError };

/** Updates the states of one commercetools order to match its status in Fluent. */
@Injectable()
export class OrderStatusSync {
  /** Shared by all orders while there are no hooks, as in most connectors. */
  private readonly withoutHooks: HookRun;

  constructor(
    private readonly lookup: OrderLookup,
    private readonly orders: CommercetoolsOrders,
    private readonly mapper: StatusMapper,
    private readonly fluent: FluentClient,
    private readonly config: ConnectorConfig,
    private readonly hooks: OrderStatusHooks,
    private readonly hookFields: HookFieldsCheck,
    private readonly skippedStatuses: SkippedStatuses,
    private readonly owners: OrderOwners,
    private readonly settingsMapper: SettingsStatusMapper,
  ) {
    this.withoutHooks = new HookRun(hooks);
  }

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
    const run = this.hooks.all.length === 0 ? this.withoutHooks : await this.hookRun(given, scope, options);
    const { id, ref = (await this.readFluentOrder(given, scope, options, run)).ref } = given;
    const order: OrderReference = { id, ref };
    const whole = await this.update(order, scope, options, run);
    const result =
      'refusal' in whole
        ? await updateInPieces(run, (part) => this.update(order, scope, options, run, part))
        : whole.result;
    return { ...result, hooks: run.reports };
  }

  private async hookRun(given: OrderToSync, scope: RetailerScope, options: SyncOptions): Promise<HookRun> {
    return new HookRun(this.hooks, await this.hookFields.refusedFor(scope), {
      fieldsRefused: (option) => this.hookFields.onRefused(option, scope),
      warn: (fields, message) => options.logger.warn({ orderRef: given.ref ?? given.id, ...fields }, message),
    });
  }

  /** @returns the refusal when commercetools refuses an update that contains actions of hooks. */
  private async update(
    order: OrderReference,
    scope: RetailerScope,
    options: SyncOptions,
    run: HookRun,
    part: Part = {},
  ): Promise<Attempt> {
    let result!: Synced;
    let sendsActionsOfHooks = false;
    const decided = (decision: Decision): readonly OrderUpdateAction[] => {
      result = decision.result;
      sendsActionsOfHooks = decision.hookActions > 0;
      return options.dryRun ? [] : result.actions;
    };
    const decide = (current: CommercetoolsOrder): Promise<readonly OrderUpdateAction[]> =>
      this.decide(order, current, scope, options, run, part).then(decided);
    const find = (): Promise<CommercetoolsOrder | undefined> => {
      sendsActionsOfHooks = false;
      return this.findCommercetoolsOrder(order, scope, options, run);
    };
    try {
      await this.orders.updateOrder(scope, order, decide, new UpdateRequest(options, find));
      return { result };
    } catch (error) {
      if (sendsActionsOfHooks && isRefusal(error)) return { refusal: error };
      throw error;
    }
  }

  private async decide(
    order: OrderReference,
    current: CommercetoolsOrder,
    scope: RetailerScope,
    options: SyncOptions,
    run: HookRun,
    part: Part,
  ): Promise<Decision> {
    const { signal } = options;
    const fluentOrder = await this.readFluentOrder(order, scope, options, run);
    const { status, updatedOn } = fluentOrder;
    const read = { status, before: statesOf(current), fluentOrder, commercetoolsOrder: current };
    const leftAlone = (reason: string): Decision => ({
      result: { ...read, outcome: 'unchanged', states: {}, actions: [], reasons: allBecause(reason) },
      hookActions: 0,
    });

    const hooked = run.isEmpty ? undefined : hookedOrder(fluentOrder, current, scope, options);
    const skippedBy = hooked && (await run.skippedBy(hooked));
    if (skippedBy !== undefined) {
      options.logger.debug({ orderRef: order.ref, status }, `${skippedBy} skips the order`);
      return leftAlone(`${skippedBy} skips the order`);
    }

    const mapped = await this.mapped(fluentOrder, scope, signal);
    // The mapper's decisions are kept by the very order that it mapped.
    let inStatus: Map<string, FluentOrder> | undefined;
    const skipped = await this.skippedStatuses.find(
      current,
      fluentOrder,
      mapped,
      scope,
      (passed) => {
        const earlier = { ...fluentOrder, status: passed };
        (inStatus ??= new Map()).set(passed, earlier);
        return this.mapped(earlier, scope, signal);
      },
      signal,
    );
    const states = { ...mapped, ...skipped.states };
    const stateActions = orderUpdateActions(current, states);
    const hookActions = hooked ? await run.actions(hooked, states, part.hooks ?? run.active) : [];
    const actions = [...(part.withoutStates ? [] : stateActions), ...hookActions];
    const reasons = stateReasons(fluentOrder, mapped, skipped, {
      mapper: nameOf(this.mapper),
      decisionsIn: (passed) => this.settingsMapper.decisionsFor(inStatus?.get(passed) ?? fluentOrder),
    });
    const result = { ...read, updatedOn, states, skipped, actions, reasons };
    const decided = (outcome: SyncResult['outcome']): Decision => ({
      result: { ...result, outcome },
      hookActions: hookActions.length,
    });
    if (actions.length === 0) return decided(isEmpty(states) ? 'unmapped' : 'unchanged');
    if (options.dryRun) return decided('updated');
    if (stateActions.length > 0 && !(await this.owners.mayWrite(order, current, mapped, scope, options))) {
      return leftAlone('left alone: the order is cancelled, and another Fluent order owns this one');
    }
    return decided('updated');
  }

  private findCommercetoolsOrder(
    order: OrderReference,
    scope: RetailerScope,
    options: SyncOptions,
    run: HookRun,
  ): Promise<CommercetoolsOrder | undefined> {
    const { lookup } = this;
    // `updateOrder` guards the call, and cannot know which fields it asked for.
    const { signal, correlationId } = options;
    return run.read('commercetoolsFields', (commercetoolsFields) =>
      promiseOf(() => lookup.find(order, scope, { signal, correlationId, commercetoolsFields })).then(
        (found) => checkedOrder(lookup, found, commercetoolsFields !== undefined),
      ),
    );
  }

  private mapped(order: FluentOrder, scope: RetailerScope, signal: AbortSignal): Promise<OrderStates> {
    const { mapper } = this;
    return callOverride(mapper, 'map', () => mapper.map(order, scope), signal).then((states) =>
      checkedStates(mapper, states),
    );
  }

  private async readFluentOrder(
    { id, ref }: OrderToSync,
    scope: RetailerScope,
    { signal }: SyncOptions,
    run: HookRun,
  ): Promise<FluentOrder> {
    const account = scope.account.id;
    const { fluent } = this;
    const fluentOrder = await run.read('fluentFields', (fluentFields) => {
      const getOrder = () => fluent.getOrder(scope, id, { signal, fluentFields });
      return callOverride(fluent, 'getOrder', getOrder, signal).then((found) =>
        checkedFluentOrder(fluent, found, fluentFields !== undefined),
      );
    });
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

/**
 * Finds out whose actions commercetools refuses, by sending them apart. Each part is a new read and a new decision, so a part
 * that is sent later cannot overwrite a newer status. The states follow the required hooks, never without them.
 */
async function updateInPieces(run: HookRun, update: (part: Part) => Promise<Attempt>): Promise<Synced> {
  const pieces: Synced[] = [];
  const send = async (hook: Hook): Promise<void> => {
    const attempt = await update({ withoutStates: true, hooks: [hook] });
    if ('result' in attempt) pieces.push(attempt.result);
    else run.fail(hook, 'actions', attempt.refusal.message, attempt.refusal.code);
  };
  for (const hook of run.active.filter(({ isRequired }) => isRequired)) await send(hook);
  const states = await update({ hooks: [] });
  if ('refusal' in states) throw states.refusal;
  pieces.push(states.result);
  for (const hook of run.active.filter(({ isRequired }) => !isRequired)) await send(hook);
  const isUpdated = pieces.some(({ outcome }) => outcome === 'updated');
  return {
    ...states.result,
    outcome: isUpdated ? 'updated' : states.result.outcome,
    actions: pieces.flatMap(({ actions }) => actions),
  };
}

/** commercetools answered, and would refuse the same update again. A missing permission concerns every update. */
function isRefusal(error: unknown): error is PermanentError {
  return error instanceof PermanentError && error.code !== 'insufficient_scope';
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
