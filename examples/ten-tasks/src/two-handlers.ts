import { Injectable } from '@nestjs/common';
import {
  CommercetoolsOrders,
  NotificationHandler,
  PermanentError,
  orderOf,
  type FluentNotification,
  type HandlerContext,
  type HandlerResult,
} from 'fluent-commercetools-connector';

/** Both handlers set a shipment state, and leave an order alone that has it. */
abstract class ShipmentStateHandler {
  protected abstract readonly shipmentState: 'Delivered' | 'Delayed';

  constructor(protected readonly orders: CommercetoolsOrders) {}

  async handle(notification: FluentNotification, { scope, signal }: HandlerContext): Promise<HandlerResult> {
    const { shipmentState } = this;
    const order = orderOf(notification);
    if (!order) throw new PermanentError('the notification names no order');
    return this.orders.updateOrder(
      scope,
      order,
      (current) =>
        current.shipmentState === shipmentState ? [] : [{ changeShipmentState: { shipmentState } }],
      { signal },
    );
  }
}

@NotificationHandler('parcel.delivered')
@Injectable()
export class DeliveredHandler extends ShipmentStateHandler {
  protected readonly shipmentState = 'Delivered';

  constructor(orders: CommercetoolsOrders) {
    super(orders);
  }
}

@NotificationHandler('parcel.delayed')
@Injectable()
export class DelayedHandler extends ShipmentStateHandler {
  protected readonly shipmentState = 'Delayed';

  constructor(orders: CommercetoolsOrders) {
    super(orders);
  }
}
