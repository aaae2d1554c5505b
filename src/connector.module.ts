import {
  Module,
  type DynamicModule,
  type InjectionToken,
  type ModuleMetadata,
  type Provider,
  type Type,
} from '@nestjs/common';
import { CommercetoolsClient, CommercetoolsModule, OrderLookup, OrderUpdate } from './commercetools/index.js';
import { ConfigModule } from './config/index.js';
import { ConfigurationError } from './errors.js';
import { FluentClient, FluentModule } from './fluent/index.js';
import { HandlersModule } from './handlers/index.js';
import { HealthModule } from './health/index.js';
import { LoggingModule } from './logging/index.js';
import { MappingModule, StatusMapper } from './mapping/index.js';
import { MetricsModule } from './metrics/index.js';
import { OrderStatusModule } from './order-status/index.js';
import { MessageQueue, QueueModule } from './queue/index.js';
import { ReconciliationModule } from './reconciliation/index.js';
import { RedisModule } from './redis/index.js';
import { SettingsModule, SettingsSource } from './settings/index.js';
import { UpstreamModule } from './upstream/index.js';
import { SignatureVerifier, WebhookModule } from './webhook/index.js';

/** A provider whose token is one of the replaceable classes. */
export type Override = Exclude<Provider, Type>;

/** What a partner adds to the stock connector, and what of it is replaced. */
export interface ConnectorModuleOptions extends Pick<ModuleMetadata, 'imports' | 'providers'> {
  /** Where configuration is read from; `process.env` by default. */
  readonly env?: NodeJS.ProcessEnv;
  /**
   * Replacements of `SignatureVerifier`, `MessageQueue`, `SettingsSource`, `StatusMapper`, `OrderLookup`,
   * `OrderUpdate`, `FluentClient` and `CommercetoolsClient`. A replacement can inject the default by its own
   * class and delegate to it, and anything else that the connector provides.
   */
  readonly overrides?: readonly Override[];
}

/** The module that owns each replaceable class. */
const OWNERS = new Map<InjectionToken, Type>([
  [SignatureVerifier, WebhookModule],
  [MessageQueue, QueueModule],
  [SettingsSource, SettingsModule],
  [StatusMapper, MappingModule],
  [OrderLookup, CommercetoolsModule],
  [OrderUpdate, CommercetoolsModule],
  [CommercetoolsClient, CommercetoolsModule],
  [FluentClient, FluentModule],
]);

/**
 * The connector.
 *
 * @example
 * await bootstrapConnector(
 *   ConnectorModule.register({
 *     overrides: [{ provide: StatusMapper, useClass: WarehouseStatusMapper }],
 *     providers: [ParcelShippedHandler],
 *   }),
 * );
 */
@Module({})
export class ConnectorModule {
  /** @throws ConfigurationError when an override is for something that is not replaceable. */
  static register(options: ConnectorModuleOptions = {}): DynamicModule {
    const { env, imports = [], providers = [], overrides = [] } = options;
    refuseUnknown(overrides);
    const replaceable = (owner: Type, metadata: Partial<DynamicModule> = {}): DynamicModule => ({
      ...metadata,
      module: owner,
      // A replacement does not reach into a module from outside: it is added where the default is.
      providers: [
        ...(metadata.providers ?? []),
        ...overrides.filter(({ provide }) => OWNERS.get(provide) === owner),
      ],
    });
    return {
      module: ConnectorModule,
      imports: [
        ConfigModule.register(env),
        LoggingModule,
        MetricsModule,
        RedisModule,
        UpstreamModule,
        replaceable(FluentModule),
        replaceable(CommercetoolsModule),
        replaceable(SettingsModule),
        replaceable(MappingModule),
        replaceable(QueueModule),
        HandlersModule,
        OrderStatusModule,
        replaceable(WebhookModule, WebhookModule.register()),
        ReconciliationModule,
        HealthModule,
        ...imports,
      ],
      providers: [...providers],
    };
  }
}

function refuseUnknown(overrides: readonly Override[]): void {
  const unknown = overrides
    .filter(({ provide }) => !OWNERS.has(provide))
    .map(({ provide }) => nameOf(provide));
  if (unknown.length === 0) return;
  const known = [...OWNERS.keys()].map(nameOf).join(', ');
  throw new ConfigurationError(
    `ConnectorModule.register({ overrides }) cannot replace ${unknown.join(', ')}; replaceable are ${known}. ` +
      'Additions belong into providers or imports.',
  );
}

function nameOf(token: InjectionToken): string {
  return typeof token === 'function' ? token.name : String(token);
}
