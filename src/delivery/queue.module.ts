import { BullModule } from '@nestjs/bull';
import { Global, Module } from '@nestjs/common';
import { ConnectorConfig } from '../config/index.js';
import { REDIS_PREFIX, RedisConnections } from '../redis/index.js';
import { BullMessageQueue, QUEUE_NAME } from './bull/bull-message-queue.js';
import { backoffOf } from './bull/run-signals.js';
import { MessageQueue } from './message-queue.js';

@Global()
@Module({
  imports: [
    BullModule.registerQueueAsync({
      name: QUEUE_NAME,
      inject: [ConnectorConfig, RedisConnections],
      useFactory: ({ queue }: ConnectorConfig, connections: RedisConnections) => ({
        prefix: REDIS_PREFIX,
        createClient: (type: string) => connections.reconnecting(`bull-${type}`),
        settings: {
          lockDuration: queue.lockDurationMs,
          stalledInterval: queue.lockDurationMs,
          // Deaths of workers are counted and answered by BullMessageQueue.
          maxStalledCount: Number.MAX_SAFE_INTEGER,
          backoffStrategies: { signal: backoffOf },
        },
      }),
    }),
  ],
  providers: [BullMessageQueue, { provide: MessageQueue, useExisting: BullMessageQueue }],
  exports: [BullMessageQueue, MessageQueue],
})
export class QueueModule {}
