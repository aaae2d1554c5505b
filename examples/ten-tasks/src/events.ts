import { Injectable } from '@nestjs/common';
import {
  FluentEvents,
  NotificationHandler,
  OrderCancel,
  type FluentNotification,
  type HandlerContext,
} from 'fluent-commercetools-connector';

/** A refused payment cancels the order in Fluent. The workflow tolerates a repeated event. */
@NotificationHandler('payment.refused')
@Injectable()
export class PaymentRefusedHandler {
  constructor(private readonly events: FluentEvents) {}

  async handle(notification: FluentNotification, { signal }: HandlerContext): Promise<void> {
    const { accountId, retailerId, entityId, entityRef, entitySubtype = 'HD' } = notification;
    const cancel = new OrderCancel({ entityId, entityRef, entitySubtype });
    await this.events.send(cancel, { accountId, retailerId, signal });
  }
}
