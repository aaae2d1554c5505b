import { Injectable } from '@nestjs/common';
import {
  NotificationHandler,
  OrderLookup,
  OrderUpdate,
  PermanentError,
  TransientError,
  orderOf,
  type FluentNotification,
  type HandlerContext,
  type HandlerResult,
  type NotificationHandlerContract,
} from 'fluent-commercetools-connector';

/**
 * Shows an order as delivered when Fluent sends the notification `parcel.delivered`. It can run more than once for a
 * notification, so it first checks whether the work is done.
 */
@NotificationHandler('parcel.delivered')
@Injectable()
export class ParcelDeliveredHandler implements NotificationHandlerContract {
  constructor(
    private readonly lookup: OrderLookup,
    private readonly update: OrderUpdate,
  ) {}

  async handle(notification: FluentNotification, { scope, signal }: HandlerContext): Promise<HandlerResult> {
    const order = orderOf(notification);
    // No repetition heals it: it becomes a dead letter with this message.
    if (!order) throw new PermanentError('the notification names no order; send it from the ORDER workflow');
    const current = await this.lookup.find(order, scope, { signal });
    if (!current) throw new TransientError(`commercetools does not have the order ${order.ref} yet`);
    if (current.shipmentState === 'Delivered') return { outcome: 'unchanged' };
    const actions = [{ changeShipmentState: { shipmentState: 'Delivered' } }];
    await this.update.apply(current, actions, scope, { signal });
    return { outcome: 'updated' };
  }
}
