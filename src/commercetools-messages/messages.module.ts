import { Controller, Module, type DynamicModule } from '@nestjs/common';
import { ConnectorConfig } from '../config/index.js';
import { ConnectionLimiter, IngressRoutes } from '../http/index.js';
import { ConnectorMetrics } from '../metrics/index.js';
import { MessageRouter, ProjectMessageRouter } from './message-router.js';
import { MessageSenderGuard } from './message-sender-guard.js';
import { MessageSenderVerifier } from './message-sender-verifier.js';
import { messagesRoute } from './messages-route.js';
import { MessagesController } from './messages.controller.js';

const MESSAGES_ROUTE = Symbol('MESSAGES_ROUTE');

/** Receives messages of commercetools subscriptions; the route exists only when it is configured. */
@Module({
  providers: [
    MessageSenderVerifier,
    MessageSenderGuard,
    ProjectMessageRouter,
    { provide: MessageRouter, useExisting: ProjectMessageRouter },
  ],
  exports: [MessageRouter, ProjectMessageRouter],
})
export class CommercetoolsMessagesModule {
  /** Sets the path like `WebhookModule.register`. */
  static register(): DynamicModule {
    class ConfiguredMessagesController extends MessagesController {}
    const route = {
      provide: MESSAGES_ROUTE,
      inject: [ConnectorConfig, ConnectorMetrics, IngressRoutes, MessageSenderVerifier, ConnectionLimiter],
      useFactory: (
        config: ConnectorConfig,
        metrics: ConnectorMetrics,
        routes: IngressRoutes,
        verifier: MessageSenderVerifier,
        connections: ConnectionLimiter,
      ) => {
        const { role, commercetoolsMessages } = config;
        const path = role === 'worker' ? undefined : commercetoolsMessages?.path;
        if (path !== undefined) {
          routes.register(messagesRoute(path, { config, metrics, verifier, connections }));
          verifier.fetchKeySet();
        }
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
