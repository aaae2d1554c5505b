import { Global, Module } from '@nestjs/common';
import { OrderStories } from './order-stories.js';
import { RedisOrderStories } from './redis-order-stories.js';
import { StoryRecorder } from './story-recorder.js';

/** What happened to each order lately. */
@Global()
@Module({
  providers: [RedisOrderStories, { provide: OrderStories, useExisting: RedisOrderStories }, StoryRecorder],
  exports: [OrderStories],
})
export class OrderStoryModule {}
