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
 * Writes the tracking number of a parcel to custom fields of the order. Running it twice writes the same
 * twice, so that a retry does no harm.
 */
@NotificationHandler('example.parcel-shipped')
@Injectable()
export class ParcelShippedHandler implements NotificationHandlerContract {
  constructor(
    private readonly lookup: OrderLookup,
    private readonly update: OrderUpdate,
  ) {}

  async handle(notification: FluentNotification, context: HandlerContext): Promise<HandlerResult> {
    const { scope, signal, logger } = context;
    const order = orderOf(notification);
    const trackingNumber = (notification.attributes as { TrackingNumber?: unknown } | undefined)
      ?.TrackingNumber;
    if (!order || typeof trackingNumber !== 'string') {
      // No repetition heals it: to the dead letters, with a message that tells what to correct.
      throw new PermanentError('the notification must be about an order and carry attributes.TrackingNumber');
    }
    const options = { signal, correlationId: notification.id };
    const current = await this.lookup.find(order, scope, options);
    if (!current) throw new TransientError(`commercetools does not have the order ${order.ref} yet`);

    const fields = [{ name: 'trackingNumber', value: JSON.stringify(trackingNumber) }];
    const setCustomType = { type: { typeId: 'type', key: 'fluent-tracking' }, fields };
    await this.update.apply(current, [{ setCustomType }], scope, options);
    logger.info({ orderRef: order.ref }, 'tracking number written');
    return { outcome: 'updated' };
  }
}
