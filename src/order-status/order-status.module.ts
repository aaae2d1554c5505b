import { Module } from '@nestjs/common';
import { DiscoveryModule } from '@nestjs/core';
import { HookFieldsCheck } from './hook-fields-check.js';
import { MappingGaps } from './mapping-gaps.js';
import { OrderStatusHooks } from './order-status-hooks.js';
import { OrderStatusHandler } from './order-status.handler.js';
import { OrderStatusSync } from './order-status-sync.js';
import { OrderOwners } from './order-owners.js';
import { SkippedStatuses } from './skipped-statuses.js';
import { SyncedUpdates } from './synced-updates.js';

@Module({
  imports: [DiscoveryModule],
  providers: [
    OrderStatusHooks,
    HookFieldsCheck,
    SkippedStatuses,
    MappingGaps,
    OrderOwners,
    OrderStatusSync,
    SyncedUpdates,
    OrderStatusHandler,
  ],
  exports: [OrderStatusSync, OrderStatusHooks, MappingGaps, SyncedUpdates],
})
export class OrderStatusModule {}
