import { Module } from '@nestjs/common';
import { ConnectorModule, MessageQueue } from 'fluent-commercetools-connector';
import { Settings } from './settings.js';
import { SqlMessageQueue } from './sql-message-queue.js';

@Module({
  imports: [
    ConnectorModule.register({
      config: Settings,
      overrides: [
        {
          provide: MessageQueue,
          inject: [Settings],
          useFactory: ({ QUEUE_FILE }: Settings) => new SqlMessageQueue({ file: QUEUE_FILE }),
        },
      ],
    }),
  ],
})
export class AppModule {}
