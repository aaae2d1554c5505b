import { Module } from '@nestjs/common';
import { DiscoveryModule } from '@nestjs/core';
import { OrderStatusHooks } from './order-status-hooks.js';
import { OrderStatusHandler } from './order-status.handler.js';
import { OrderStatusSync } from './order-status-sync.js';

@Module({
  imports: [DiscoveryModule],
  providers: [OrderStatusHooks, OrderStatusSync, OrderStatusHandler],
  exports: [OrderStatusSync],
})
export class OrderStatusModule {}
