import type { Type } from '@nestjs/common';
import { DiscoveryService } from '@nestjs/core';
import type { Logger } from 'pino';
import type { CommercetoolsOrder, OrderStates, OrderUpdateAction } from '../commercetools/index.js';
import type { RetailerScope } from '../config/index.js';
import type { FluentOrder } from '../fluent/index.js';

/**
 * An order as the built-in handler has just read it, commercetools first and Fluent second. There is no
 * notification here: one run may stand for several, so that everything must follow from the orders.
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
 * Adds a little to the built-in handler. Both methods may be called several times for one update, each
 * time with the orders as they are then; an error costs the notification a try, like one of a handler.
 */
export interface OrderStatusHookContract<TFluent = unknown, TCommercetools = unknown> {
  /** @returns true when the order is to be left alone; its outcome is then `unchanged`. */
  skip?(order: HookedOrder<TFluent, TCommercetools>): boolean | Promise<boolean>;

  /**
   * Update actions that are sent behind those of the states, in the same mutation; also when no state
   * changes. So compare with `commercetoolsOrder` and return nothing when there is nothing to do.
   *
   * @param states what the mapper wants; a missing one is left as it is.
   */
  actions?(
    order: HookedOrder<TFluent, TCommercetools>,
    states: OrderStates,
  ): readonly OrderUpdateAction[] | void | Promise<readonly OrderUpdateAction[] | void>;
}

/** Options of {@link OrderStatusHook}. */
export interface OrderStatusHookOptions {
  /** A GraphQL fragment on Fluent's `Order`, read with the order; as `fluentOrder.fields`. */
  readonly fluentFields?: string;
  /** A GraphQL fragment on commercetools' `Order`, read with the order; as `commercetoolsOrder.fields`. */
  readonly commercetoolsFields?: string;
  /** Hooks are asked by this number, the smallest first; those with the same as Nest finds them. Default: 0. */
  readonly order?: number;
}

/** Metadata of {@link OrderStatusHook}; read by `OrderStatusHooks`. */
export const HookMetadata = DiscoveryService.createDecorator<OrderStatusHookOptions>();

/**
 * Makes an injectable class a hook around the built-in handler. It must be provided somewhere, e.g. in
 * `ConnectorModule.register({ providers })`; there may be several.
 *
 * @example
 * @OrderStatusHook({ fluentFields: 'fragment Carrier on Order { attributes { name value } }' })
 * export class CarrierHook implements OrderStatusHookContract<CarrierFields> {
 *   actions({ fluentOrder }: HookedOrder<CarrierFields>) {
 *     const carrier = fluentOrder.fields.attributes.find(({ name }) => name === 'carrier');
 *     return carrier && [{ setCustomField: { name: 'carrier', value: JSON.stringify(carrier.value) } }];
 *   }
 * }
 */
export function OrderStatusHook(
  options: OrderStatusHookOptions = {},
): (hook: Type<OrderStatusHookContract<never, never>>) => void {
  return HookMetadata(options);
}
