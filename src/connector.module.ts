import {
  Module,
  type DynamicModule,
  type FactoryProvider,
  type InjectionToken,
  type ModuleMetadata,
  type OptionalFactoryDependency,
  type Provider,
  type Type,
} from '@nestjs/common';
import { ModulesContainer } from '@nestjs/core';
import { CommercetoolsModule } from './commercetools/index.js';
import { CommercetoolsMessagesModule } from './commercetools-messages/index.js';
import { ConfigModule, type ConfigModuleOptions } from './config/index.js';
import { FluentBatchesModule } from './fluent-batches/index.js';
import { FluentEventsModule } from './fluent-events/index.js';
import { FluentModule } from './fluent/index.js';
import { GraphqlModule } from './graphql/index.js';
import {
  HandlersModule,
  requireNotificationHandler,
  type NotificationHandlerContract,
} from './handlers/index.js';
import { AdminModule } from './admin/index.js';
import { HealthModule } from './health/index.js';
import { HttpModule } from './http/index.js';
import { LoggingModule } from './logging/index.js';
import { MappingModule } from './mapping/index.js';
import { MetricsModule } from './metrics/index.js';
import { OrderCancellationModule } from './order-cancellation/index.js';
import { OrderStoryModule } from './order-story/index.js';
import { OrderStatusModule } from './order-status/index.js';
import { BullMessageQueue, DeliveryModule, MessageQueue, QueueModule } from './delivery/index.js';
import { ReconciliationModule } from './reconciliation/index.js';
import { RedisModule } from './redis/index.js';
import {
  REPLACEABLE_CLASSES,
  checkOverrides,
  checkMethods,
  checkModules,
  isInjected,
  overridesOf,
  type Override,
} from './overrides.js';
import { SettingsModule } from './settings/index.js';
import { OVERRIDDEN_CLASSES, StartSummary } from './start-summary.js';
import { StatusHistoryModule } from './status-history/index.js';
import { TransportModule } from './transport/index.js';
import { WebhookModule } from './webhook/index.js';

/** What you add to the connector, and what you override. */
export interface ConnectorModuleOptions {
  /** Your modules. `handlers`, `overrides` and `providers` can inject what these modules export. */
  readonly imports?: ModuleMetadata['imports'];
  /** Classes with `@NotificationHandler`. */
  readonly handlers?: readonly Type<NotificationHandlerContract<never>>[];
  /**
   * One provider for each replaceable class that should behave differently: `SignatureVerifier`,
   * `MessageQueue`, `SettingsSource`, `StatusMapper`, `StatusHistory`, `OrderLookup`, `OrderReferenceResolver`, `OrderUpdate`,
   * `MessageRouter`, `FluentClient` or `CommercetoolsClient`. An override can inject the default by the default's own class and delegate to it.
   * It can also inject every other class that the connector provides.
   */
  readonly overrides?: readonly Override[];
  /** Hooks and your services. They can inject every class that the connector provides. */
  readonly providers?: readonly Provider[];
  /**
   * A class whose properties are variables of yours, with decorators of class-validator and defaults. The connector validates
   * them together with its own and lists all problems at once. Each can also come from a file that `NAME_FILE` names. Handlers,
   * hooks, overrides and your modules can inject the class.
   */
  readonly config?: Type<object>;
  /** The only source of environment variables; `process.env` by default. */
  readonly env?: NodeJS.ProcessEnv;
}

/** What the factory of {@link ConnectorModule.registerAsync} returns. */
export type ConnectorRuntimeOptions = Pick<ConnectorModuleOptions, 'env'>;

/**
 * {@link ConnectorModuleOptions} with an environment that is known only at run time. All other options stay static,
 * because Nest must know them before it can inject anything.
 */
export interface ConnectorModuleAsyncOptions extends Omit<ConnectorModuleOptions, 'env'> {
  /** The arguments of `useFactory`, from `imports`. */
  readonly inject?: (InjectionToken | OptionalFactoryDependency)[];
  /** Called once, before the connector validates the configuration. */
  readonly useFactory: FactoryProvider<ConnectorRuntimeOptions>['useFactory'];
}

const OVERRIDE_CHECK = Symbol('OVERRIDE_CHECK');

/** Holds what the partner provides, so that overrides in other modules can inject it. */
@Module({})
class PartnerModule {}

/**
 * The connector as a module, for {@link bootstrapConnector} or for the imports of your own module.
 *
 * @example
 * await bootstrapConnector(
 *   ConnectorModule.register({
 *     handlers: [ParcelShippedHandler],
 *     overrides: [{ provide: StatusMapper, useClass: WarehouseStatusMapper }],
 *   }),
 * );
 */
@Module({})
export class ConnectorModule {
  /** @throws ConfigurationError when an override is for something that is not replaceable. */
  static register({ env, ...options }: ConnectorModuleOptions = {}): DynamicModule {
    return compose(options, ConfigModule.register(env, configOptions(options)));
  }

  /**
   * Like {@link ConnectorModule.register}, with the environment from a factory: a secrets manager, a
   * configuration service.
   *
   * @example
   * ConnectorModule.registerAsync({
   *   imports: [VaultModule],
   *   inject: [Vault],
   *   useFactory: async (vault: Vault) => ({
   *     env: { ...process.env, FLUENT_PASSWORD: await vault.read('fluent/password') },
   *   }),
   * });
   */
  static registerAsync({ inject, useFactory, ...options }: ConnectorModuleAsyncOptions): DynamicModule {
    const { imports } = options;
    return compose(
      options,
      ConfigModule.registerAsync({ imports, inject, useFactory }, configOptions(options)),
    );
  }
}

function configOptions(options: Omit<ConnectorModuleOptions, 'env'>): ConfigModuleOptions {
  return { partnerConfig: options.config, queueNeedsRedis: usesBull(options) };
}

/** Building the default queue connects it, so it is left out when an override takes its place without it. */
function usesBull({
  handlers = [],
  overrides = [],
  providers = [],
}: Omit<ConnectorModuleOptions, 'env'>): boolean {
  const isReplaced = overrides.some(({ provide }) => provide === MessageQueue);
  return !isReplaced || isInjected(BullMessageQueue, [...overrides, ...providers, ...handlers]);
}

function compose(options: Omit<ConnectorModuleOptions, 'env'>, config: DynamicModule): DynamicModule {
  const { imports = [], handlers = [], providers = [], overrides = [] } = options;
  checkOverrides(overrides);
  for (const handler of handlers) requireNotificationHandler(handler);
  const partnerProviders = [...providers, ...handlers];
  const partner: DynamicModule = {
    module: PartnerModule,
    imports: [...imports],
    providers: partnerProviders,
    exports: partnerProviders.map((provider) =>
      typeof provider === 'function' ? provider : provider.provide,
    ),
  };
  const replaceable = (owner: Type, metadata: Partial<DynamicModule> = {}): DynamicModule => {
    const own = overridesOf(owner, overrides);
    return {
      ...metadata,
      module: owner,
      // Nest does not let an importing module override a provider. So the override joins the providers of the
      // module that has the default, together with what it may inject.
      imports: [...(metadata.imports ?? []), ...(own.length > 0 ? [partner, ...imports] : [])],
      providers: [...(metadata.providers ?? []), ...own],
    };
  };
  return {
    module: ConnectorModule,
    imports: [
      config,
      LoggingModule,
      MetricsModule,
      RedisModule,
      TransportModule,
      GraphqlModule,
      replaceable(FluentModule),
      FluentEventsModule,
      FluentBatchesModule,
      replaceable(CommercetoolsModule),
      replaceable(SettingsModule),
      replaceable(MappingModule),
      replaceable(StatusHistoryModule),
      replaceable(QueueModule, usesBull(options) ? QueueModule.onRedis() : {}),
      HandlersModule,
      DeliveryModule,
      OrderStoryModule,
      OrderStatusModule,
      OrderCancellationModule,
      HttpModule,
      replaceable(WebhookModule, WebhookModule.register()),
      replaceable(CommercetoolsMessagesModule, CommercetoolsMessagesModule.register()),
      ReconciliationModule,
      AdminModule.register(),
      HealthModule,
      partner,
    ],
    providers: [
      StartSummary,
      { provide: OVERRIDDEN_CLASSES, useValue: overrides.map(({ provide }) => provide) },
      {
        provide: OVERRIDE_CHECK,
        inject: [ModulesContainer, ...REPLACEABLE_CLASSES],
        useFactory: (modules: ModulesContainer, ...instances: unknown[]) => {
          checkModules(modules);
          checkMethods(instances);
        },
      },
    ],
    exports: [PartnerModule],
  };
}
