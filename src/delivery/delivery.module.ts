import { Global, Module } from '@nestjs/common';
import { DeliveryWorker } from './delivery-worker.js';
import { NotificationIntake } from './notification-intake.js';
import { ParkedWork } from './parked-work.js';
import { OutcomeLog, RunReports } from './run-reports.js';
import { UnhandledNotifications } from './unhandled-notifications.js';

/** Accepts notifications into the queue, and delivers them to their handlers. */
@Global()
@Module({
  providers: [NotificationIntake, DeliveryWorker, RunReports, OutcomeLog, ParkedWork, UnhandledNotifications],
  exports: [NotificationIntake, DeliveryWorker, RunReports],
})
export class DeliveryModule {}
