import { Module } from '@nestjs/common';
import { ConnectorModule } from 'fluent-commercetools-connector';
import { CustomerMessageHandler } from './customer-message.handler.js';
import { HttpMessageProvider, MessageProvider } from './message-provider.js';

@Module({
  imports: [
    ConnectorModule.register({
      handlers: [CustomerMessageHandler],
      providers: [{ provide: MessageProvider, useClass: HttpMessageProvider }],
    }),
  ],
})
export class AppModule {}
