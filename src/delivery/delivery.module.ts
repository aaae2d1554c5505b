import { Global, Module } from '@nestjs/common';
import { NotificationDispatcher } from './notification-dispatcher.js';
import { NotificationIntake } from './notification-intake.js';

/** Accepts notifications into the queue, and delivers them to their handlers. */
@Global()
@Module({
  providers: [NotificationIntake, NotificationDispatcher],
  exports: [NotificationIntake],
})
export class DeliveryModule {}
