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

/** One update action: an object with exactly one key, e.g. `{ changeOrderState: { orderState } }`. */
export type OrderUpdateAction = Readonly<Record<string, unknown>>;
