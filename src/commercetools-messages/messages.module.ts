import { Controller, Module, type DynamicModule } from '@nestjs/common';
import { ConnectorConfig } from '../config/index.js';
import { ConnectorMetrics } from '../metrics/index.js';
import { IngressRejections } from '../webhook/index.js';
import { MessageSenderGuard } from './message-sender-guard.js';
import { MessageSenderVerifier } from './message-sender-verifier.js';
import { messagesIngress } from './messages-ingress.js';
import { MessagesController } from './messages.controller.js';

const MESSAGES_ROUTE = Symbol('MESSAGES_ROUTE');

/** The ingress for messages of commercetools subscriptions; without its configuration there is no route. */
@Module({ providers: [MessageSenderVerifier, MessageSenderGuard] })
export class CommercetoolsMessagesModule {
  /** The path is configuration: see `WebhookModule.register`. */
  static register(): DynamicModule {
    class ConfiguredMessagesController extends MessagesController {}
    const route = {
      provide: MESSAGES_ROUTE,
      inject: [ConnectorConfig, ConnectorMetrics, IngressRejections],
      useFactory: (config: ConnectorConfig, metrics: ConnectorMetrics, rejections: IngressRejections) => {
        const { role, commercetoolsMessages } = config;
        const path = role === 'worker' ? undefined : commercetoolsMessages?.path;
        if (path !== undefined) rejections.watch(messagesIngress(path, config, metrics));
        const paths = path === undefined ? [] : [path];
        Controller(paths)(ConfiguredMessagesController);
        return paths;
      },
    };
    return {
      module: CommercetoolsMessagesModule,
      controllers: [ConfiguredMessagesController],
      providers: [route],
    };
  }
}
