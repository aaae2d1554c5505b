import { Module } from '@nestjs/common';
import { OrderStatusHandler } from './order-status.handler.js';
import { OrderStatusSync } from './order-status-sync.js';

@Module({ providers: [OrderStatusSync, OrderStatusHandler], exports: [OrderStatusSync] })
export class OrderStatusModule {}
