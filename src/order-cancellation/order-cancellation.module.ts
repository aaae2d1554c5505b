import { Module } from '@nestjs/common';
import { OrderCancellationHandler } from './order-cancellation.handler.js';

/** Cancellations in commercetools reach Fluent. */
@Module({ providers: [OrderCancellationHandler] })
export class OrderCancellationModule {}
