import { Injectable } from '@nestjs/common';
import { IsNotEmpty, IsString } from 'class-validator';
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

/** A notification that breaks these rules becomes a dead letter that names the fields. */
export class ParcelShippedAttributes {
  @IsString()
  @IsNotEmpty()
  TrackingNumber!: string;
}

/**
 * Writes the tracking number of a parcel to custom fields of the order. Running it twice writes the same
 * twice, so that a retry does no harm.
 */
@NotificationHandler({
  names: 'example.parcel-shipped',
  attributes: ParcelShippedAttributes,
  timeoutMs: 30_000,
})
@Injectable()
export class ParcelShippedHandler implements NotificationHandlerContract<ParcelShippedAttributes> {
  constructor(private readonly orders: CommercetoolsOrders) {}

  async handle(
    notification: FluentNotification,
    { attributes, scope, signal, logger }: HandlerContext<ParcelShippedAttributes>,
  ): Promise<HandlerResult> {
    const order = orderOf(notification);
    // No repetition heals it: to the dead letters, with a message that tells what to correct.
    if (!order) throw new PermanentError('the notification names no order; send it from the ORDER workflow');
    const fields = [{ name: 'trackingNumber', value: JSON.stringify(attributes.TrackingNumber) }];
    const setCustomType = { type: { typeId: 'type', key: 'fluent-tracking' }, fields };
    const options = { signal, correlationId: notification.id };
    const { outcome } = await this.orders.updateOrder(scope, order, () => [{ setCustomType }], options);
    logger.info({ orderRef: order.ref }, 'tracking number written');
    return { outcome };
  }
}
