import { Controller, Global, Module, type DynamicModule } from '@nestjs/common';
import { ConnectorConfig } from '../config/index.js';
import { RejectionReporter } from '../http/index.js';
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
      inject: [ConnectorConfig, ConnectorMetrics, RejectionReporter],
      useFactory: (config: ConnectorConfig, metrics: ConnectorMetrics, rejections: RejectionReporter) => {
        const { role, server } = config;
        rejections.register(webhookRoute(config, metrics));
        const paths = role === 'worker' ? [] : [server.webhookPath];
        Controller(paths)(ConfiguredWebhookController);
        return paths;
      },
    };
    return { module: WebhookModule, controllers: [ConfiguredWebhookController], providers: [route] };
  }
}
