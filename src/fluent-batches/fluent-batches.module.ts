import { Global, Module } from '@nestjs/common';
import { RedisConnections } from '../redis/index.js';
import { FluentBatches } from './fluent-batches.js';
import { LoadState } from './load-state.js';
import { MemoryLoadState } from './memory-load-state.js';
import { RedisLoadState } from './redis-load-state.js';

/** Many entities into Fluent. */
@Global()
@Module({
  providers: [
    FluentBatches,
    {
      provide: LoadState,
      inject: [RedisConnections],
      useFactory: (connections: RedisConnections) =>
        connections.isConfigured ? new RedisLoadState(connections) : new MemoryLoadState(),
    },
  ],
  exports: [FluentBatches, LoadState],
})
export class FluentBatchesModule {}
