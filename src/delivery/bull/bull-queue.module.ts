import { BullModule } from '@nestjs/bull';
import { Global, Module, type DynamicModule } from '@nestjs/common';
import { REDIS_PREFIX, RedisConnections } from '../../redis/index.js';
import { BullMessageQueue } from './bull-message-queue.js';
import { QUEUE_NAME } from './keys.js';
import { MessageQueue } from '../message-queue.js';

/** The queue. Without {@link QueueModule.onRedis}, an override provides it. */
@Global()
@Module({ exports: [MessageQueue] })
export class QueueModule {
  /** The default, which connects to Redis as soon as Nest builds it. */
  static onRedis(): DynamicModule {
    return {
      module: QueueModule,
      imports: [
        BullModule.registerQueueAsync({
          name: QUEUE_NAME,
          inject: [RedisConnections],
          useFactory: (connections: RedisConnections) => ({
            prefix: REDIS_PREFIX,
            createClient: (type: string) => connections.reconnecting(`bull-${type}`),
          }),
        }),
      ],
      providers: [BullMessageQueue, { provide: MessageQueue, useExisting: BullMessageQueue }],
      exports: [BullMessageQueue],
    };
  }
}
