import { Global, Module } from '@nestjs/common';
import { FluentBatches } from './fluent-batches.js';
import { LoadState } from './load-state.js';
import { RedisLoadState } from './redis-load-state.js';

/** Many entities into Fluent. */
@Global()
@Module({
  providers: [FluentBatches, RedisLoadState, { provide: LoadState, useExisting: RedisLoadState }],
  exports: [FluentBatches, LoadState],
})
export class FluentBatchesModule {}
