import { Controller, Global, Module, type DynamicModule } from '@nestjs/common';
import { APP_FILTER } from '@nestjs/core';
import { ConnectorConfig } from '../config/index.js';
import { ConnectorMetrics } from '../metrics/index.js';
import { IngressRejections } from './ingress-rejections.js';
import { ProblemDetailsFilter } from './problem-details.filter.js';
import { RsaSignatureVerifier } from './rsa-signature-verifier.js';
import { SignatureVerifier } from './signature-verifier.js';
import { WebhookController } from './webhook.controller.js';
import { webhookIngress } from './webhook-ingress.js';

const WEBHOOK_ROUTE = Symbol('WEBHOOK_ROUTE');

@Global()
@Module({
  providers: [
    RsaSignatureVerifier,
    { provide: SignatureVerifier, useExisting: RsaSignatureVerifier },
    IngressRejections,
    { provide: APP_FILTER, useClass: ProblemDetailsFilter },
  ],
  exports: [RsaSignatureVerifier, SignatureVerifier, IngressRejections],
})
export class WebhookModule {
  /**
   * The path is configuration, and Nest reads a controller's path from its class. So each connector has a
   * class of its own, which gets its path when the configuration is known, before routes are registered.
   */
  static register(): DynamicModule {
    class ConfiguredWebhookController extends WebhookController {}
    const route = {
      provide: WEBHOOK_ROUTE,
      inject: [ConnectorConfig, ConnectorMetrics, IngressRejections],
      useFactory: (config: ConnectorConfig, metrics: ConnectorMetrics, rejections: IngressRejections) => {
        const { role, server } = config;
        rejections.watch(webhookIngress(config, metrics));
        const paths = role === 'worker' ? [] : [server.webhookPath];
        Controller(paths)(ConfiguredWebhookController);
        return paths;
      },
    };
    return { module: WebhookModule, controllers: [ConfiguredWebhookController], providers: [route] };
  }
}
