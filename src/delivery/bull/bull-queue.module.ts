import { BullModule } from '@nestjs/bull';
import { Global, Module } from '@nestjs/common';
import { REDIS_PREFIX, RedisConnections } from '../../redis/index.js';
import { BullMessageQueue } from './bull-message-queue.js';
import { QUEUE_NAME } from './keys.js';
import { MessageQueue } from '../message-queue.js';

@Global()
@Module({
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
  exports: [BullMessageQueue, MessageQueue],
})
export class QueueModule {}
