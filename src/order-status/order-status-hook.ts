import type { Type } from '@nestjs/common';
import { DiscoveryService } from '@nestjs/core';
import type { Logger } from 'pino';
import type { CommercetoolsOrder, OrderStates, OrderUpdateAction } from '../commercetools/index.js';
import type { RetailerScope } from '../config/index.js';
import type { FluentOrder } from '../fluent/index.js';
import type { OrderFragmentSource } from '../graphql/index.js';

/**
 * An order as the built-in handler has just read it. It does not contain the notification: one run may cover several, so a
 * hook must decide from the orders alone.
 *
 * @typeParam TFluent what {@link OrderStatusHookOptions.fluentFields} asks for
 * @typeParam TCommercetools what {@link OrderStatusHookOptions.commercetoolsFields} asks for
 */
export interface HookedOrder<TFluent = unknown, TCommercetools = unknown> {
  readonly fluentOrder: FluentOrder & { readonly fields: TFluent };
  readonly commercetoolsOrder: CommercetoolsOrder & { readonly fields: TCommercetools };
  /** Account, retailer, commercetools project and their options. */
  readonly scope: RetailerScope;
  /** Bound to the notification. */
  readonly logger: Logger;
  /** Aborted at shutdown and when the handler's time is up; pass it on to every call. */
  readonly signal: AbortSignal;
}

/**
 * Extends the built-in handler. Both methods may be called several times for one update, each time with the current orders.
 * After an error the notification is retried, as after an error of a handler, unless the hook is not
 * {@link OrderStatusHookOptions.required required}.
 */
export interface OrderStatusHookContract<TFluent = unknown, TCommercetools = unknown> {
  /** @returns true to skip the order. Its outcome is then `unchanged`. */
  skip?(order: HookedOrder<TFluent, TCommercetools>): boolean | Promise<boolean>;

  /**
   * @returns update actions, which are sent after those of the states in the same mutation. They are sent even if no state
   * changes, so compare with `commercetoolsOrder` and return nothing when the order is up to date.
   * @param states the states from the mapper. A missing state stays as it is.
   */
  actions?(
    order: HookedOrder<TFluent, TCommercetools>,
    states: OrderStates,
  ): readonly OrderUpdateAction[] | void | Promise<readonly OrderUpdateAction[] | void>;
}

/**
 * Options of {@link OrderStatusHook}.
 *
 * @typeParam TFluent what `fluentFields` reads, if it is a typed document
 * @typeParam TCommercetools what `commercetoolsFields` reads, if it is a typed document
 */
export interface OrderStatusHookOptions<TFluent = unknown, TCommercetools = unknown> {
  /** A GraphQL fragment on Fluent's `Order`, read with the order; as `fluentOrder.fields`. */
  readonly fluentFields?: OrderFragmentSource<TFluent>;
  /** A GraphQL fragment on commercetools' `Order`, read with the order; as `commercetoolsOrder.fields`. */
  readonly commercetoolsFields?: OrderFragmentSource<TCommercetools>;
  /**
   * Whether an order waits while the hook cannot do its part: a system refuses its fields, commercetools refuses its actions,
   * or a method fails.
   *
   * - `true`: the order is retried with a `ConfigurationError` that names the hook, and nothing is written without it. If a
   *   system refuses the fields at the start, the connector does not start.
   * - `false`: the states are written without the hook. The outcome's log line, `hook_failures_total` and `/health` show what
   *   it lost. A `TransientError` that the hook throws still retries the order. For a hook with `skip`, `false` means that an
   *   order may be written although the hook would have skipped it.
   *
   * Default: `true`.
   */
  readonly required?: boolean;
  /** Hooks run in this order, the smallest first. Default: 0. */
  readonly order?: number;
}

/** The options that ask for fields, one for each system. */
export type FieldsOption = 'fluentFields' | 'commercetoolsFields';

/** Metadata of {@link OrderStatusHook}; read by `OrderStatusHooks`. */
export const HookMetadata = DiscoveryService.createDecorator<OrderStatusHookOptions>();

/**
 * Makes an injectable class a hook of the built-in handler. A module must provide the class, e.g. with
 * `ConnectorModule.register({ providers })`. There may be several hooks.
 *
 * If the fields are typed documents, the class must expect their types.
 *
 * @example
 * const CUSTOM: TypedDocumentNode<ShopFields> = gql`fragment Custom on Order { custom { customFieldsRaw { name value } } }`;
 *
 * @OrderStatusHook({ commercetoolsFields: CUSTOM })
 * export class CarrierHook {
 *   actions({ fluentOrder, commercetoolsOrder }: HookedOrder<unknown, ShopFields>): OrderUpdateAction[] {
 *     const { custom } = commercetoolsOrder.fields;
 *     const wanted = fluentOrder.attributes.find(({ name }) => name === 'carrier')?.value;
 *     const shown = custom?.customFieldsRaw?.find(({ name }) => name === 'carrier')?.value;
 *     // commercetools refuses a field of an order without a custom type, and nothing would be written.
 *     if (!custom || wanted === undefined || wanted === shown) return [];
 *     return [{ setCustomField: { name: 'carrier', value: JSON.stringify(wanted) } }];
 *   }
 * }
 */
export function OrderStatusHook<TFluent = never, TCommercetools = never>(
  options: OrderStatusHookOptions<TFluent, TCommercetools> = {},
): (hook: Type<HookFor<TFluent, TCommercetools>>) => void {
  return HookMetadata(options);
}

/** As properties, because the compiler compares the parameters of methods only loosely. */
type HookFor<TFluent, TCommercetools> = {
  [TMethod in keyof OrderStatusHookContract]: (
    ...call: Parameters<NonNullable<OrderStatusHookContract<TFluent, TCommercetools>[TMethod]>>
  ) => ReturnType<NonNullable<OrderStatusHookContract[TMethod]>>;
};
