import type { OrderUpdateActions } from './order-update-actions.js';

/** https://docs.commercetools.com/api/projects/orders#orderstate */
export const ORDER_STATES = ['Open', 'Confirmed', 'Complete', 'Cancelled'] as const;
/** https://docs.commercetools.com/api/projects/orders#paymentstate */
export const PAYMENT_STATES = ['BalanceDue', 'Failed', 'Pending', 'CreditOwed', 'Paid'] as const;
/** https://docs.commercetools.com/api/projects/orders#shipmentstate */
export const SHIPMENT_STATES = [
  'Shipped',
  'Delivered',
  'Ready',
  'Pending',
  'Delayed',
  'Partial',
  'Backorder',
  'Canceled',
] as const;

/** One of {@link ORDER_STATES}. */
export type OrderState = (typeof ORDER_STATES)[number];
/** One of {@link PAYMENT_STATES}. */
export type PaymentState = (typeof PAYMENT_STATES)[number];
/** One of {@link SHIPMENT_STATES}. */
export type ShipmentState = (typeof SHIPMENT_STATES)[number];

/** The three states of an order. A missing one means: leave it as it is. */
export interface OrderStates {
  readonly orderState?: OrderState;
  readonly paymentState?: PaymentState;
  readonly shipmentState?: ShipmentState;
}

/** A commercetools order as far as the connector reads it. */
export interface CommercetoolsOrder extends OrderStates {
  readonly id: string;
  /** What people call the order; not every order has one. */
  readonly orderNumber?: string;
  /** The optimistic lock: an update must name the version that was read. */
  readonly version: number;
  readonly orderState: OrderState;
  /** The order as commercetools sent it. Present only when the look-up was asked for more fields. */
  readonly fields?: unknown;
}

declare const UNTYPED: unique symbol;

/** What {@link untypedAction} returns. */
export type UntypedOrderUpdateAction = Readonly<Record<string, unknown>> & { readonly [UNTYPED]: true };

/**
 * One update action as commercetools' GraphQL API takes it: an object with exactly one key, e.g.
 * `{ changeOrderState: { orderState } }`. For an action that {@link OrderUpdateActions} does not have, see
 * {@link untypedAction}.
 */
export type OrderUpdateAction =
  | {
      [TName in keyof OrderUpdateActions]: Readonly<Record<TName, OrderUpdateActions[TName]>> & {
        readonly [TOther in Exclude<keyof OrderUpdateActions, TName>]?: never;
      };
    }[keyof OrderUpdateActions]
  | UntypedOrderUpdateAction;

/**
 * Makes an update action whose input the compiler does not check, for actions of commercetools that the connector has no types
 * for.
 *
 * @param name the action's name in `OrderUpdateAction` of commercetools' GraphQL schema.
 *
 * @example
 * untypedAction('setReturnInfo', { items: [] });
 */
export function untypedAction(
  name: string,
  input: Readonly<Record<string, unknown>>,
): UntypedOrderUpdateAction {
  return { [name]: input } as UntypedOrderUpdateAction;
}
