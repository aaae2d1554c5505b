import { Module } from '@nestjs/common';
import { DiscoveryModule } from '@nestjs/core';
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
    SkippedStatuses,
    MappingGaps,
    OrderOwners,
    OrderStatusSync,
    SyncedUpdates,
    OrderStatusHandler,
  ],
  exports: [OrderStatusSync, MappingGaps, SyncedUpdates],
})
export class OrderStatusModule {}
