import { Global, Module } from '@nestjs/common';
import { DiscoveryModule } from '@nestjs/core';
import { HandlerRegistry } from './handler-registry.js';
import { NotificationDispatcher } from './notification-dispatcher.js';
import { NotificationIntake } from './notification-intake.js';

@Global()
@Module({
  imports: [DiscoveryModule],
  providers: [HandlerRegistry, NotificationIntake, NotificationDispatcher],
  exports: [HandlerRegistry, NotificationIntake],
})
export class HandlersModule {}
