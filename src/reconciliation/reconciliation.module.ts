import { Module } from '@nestjs/common';
import { OrderStatusModule } from '../order-status/index.js';
import { RedisConnections } from '../redis/index.js';
import { BackfillStore } from './backfill-store.js';
import { Backfills } from './backfills.js';
import { MemoryReconciliationState } from './memory-reconciliation-state.js';
import { ReconciliationState } from './reconciliation-state.js';
import { RedisReconciliationState } from './redis-reconciliation-state.js';
import { Reconciliation } from './reconciliation.js';

/** Finds orders whose notification was lost: by itself, and when an operator asks for a range of time. */
@Module({
  imports: [OrderStatusModule],
  providers: [
    {
      provide: ReconciliationState,
      inject: [RedisConnections],
      useFactory: (connections: RedisConnections) =>
        connections.isConfigured
          ? new RedisReconciliationState(connections)
          : new MemoryReconciliationState(),
    },
    Reconciliation,
    BackfillStore,
    Backfills,
  ],
  exports: [Backfills],
})
export class ReconciliationModule {}
