import { Controller, Global, Module, type DynamicModule } from '@nestjs/common';
import { ConnectorConfig } from '../config/index.js';
import { IngressRoutes } from '../http/index.js';
import { ConnectorMetrics } from '../metrics/index.js';
import { RsaSignatureVerifier } from './rsa-signature-verifier.js';
import { SignatureVerifier } from './signature-verifier.js';
import { WebhookController } from './webhook.controller.js';
import { webhookRoute } from './webhook-route.js';

const WEBHOOK_ROUTE = Symbol('WEBHOOK_ROUTE');

/** Receives Fluent's webhooks; workers have no such route. */
@Global()
@Module({
  providers: [RsaSignatureVerifier, { provide: SignatureVerifier, useExisting: RsaSignatureVerifier }],
  exports: [RsaSignatureVerifier, SignatureVerifier],
})
export class WebhookModule {
  /**
   * Nest reads a controller's path from metadata of its class, but the path is configuration. Each connector
   * therefore has a subclass, which gets its path when the configuration is known, before Nest registers routes.
   */
  static register(): DynamicModule {
    class ConfiguredWebhookController extends WebhookController {}
    const route = {
      provide: WEBHOOK_ROUTE,
      inject: [ConnectorConfig, ConnectorMetrics, IngressRoutes, SignatureVerifier],
      useFactory: (
        config: ConnectorConfig,
        metrics: ConnectorMetrics,
        routes: IngressRoutes,
        verifier: SignatureVerifier,
      ) => {
        const { role, server } = config;
        if (role !== 'worker') routes.register(webhookRoute(config, metrics, verifier));
        const paths = role === 'worker' ? [] : [server.webhookPath];
        Controller(paths)(ConfiguredWebhookController);
        return paths;
      },
    };
    return { module: WebhookModule, controllers: [ConfiguredWebhookController], providers: [route] };
  }
}
