import { Injectable } from '@nestjs/common';
import {
  CommercetoolsOrders,
  NotificationHandler,
  PermanentError,
  orderOf,
  type FluentNotification,
  type HandlerContext,
  type HandlerResult,
  type NotificationHandlerContract,
} from 'fluent-commercetools-connector';

/**
 * Shows an order as delivered when Fluent sends the notification `parcel.delivered`. It can run more than once for a
 * notification, so it sends nothing when the work is done.
 */
@NotificationHandler('parcel.delivered')
@Injectable()
export class ParcelDeliveredHandler implements NotificationHandlerContract {
  constructor(private readonly orders: CommercetoolsOrders) {}

  async handle(notification: FluentNotification, { scope, signal }: HandlerContext): Promise<HandlerResult> {
    const order = orderOf(notification);
    // No repetition heals it: it becomes a dead letter with this message.
    if (!order) throw new PermanentError('the notification names no order; send it from the ORDER workflow');
    return this.orders.updateOrder(
      scope,
      order,
      ({ shipmentState }) =>
        shipmentState === 'Delivered' ? [] : [{ changeShipmentState: { shipmentState: 'Delivered' } }],
      { signal },
    );
  }
}
