import {
  Logger,
  Module,
  type DynamicModule,
  type FactoryProvider,
  type ModuleMetadata,
} from '@nestjs/common';
import { changedConfig } from './adapted-config.js';
import { ConnectorConfig } from './connector-config.js';
import { loadConnectorConfig, type LoadOptions } from './load-connector-config.js';
import { type PartnerConfig, partnerVariables, readPartnerConfig } from './partner-config.js';
import type { Environment } from './variables.js';

const ENVIRONMENT = Symbol('ENVIRONMENT');
const LOADED = Symbol('LOADED');

interface Loaded {
  readonly connector: ConnectorConfig;
  readonly partner: object | undefined;
}

/** An environment that comes from another provider. */
export interface ConfigModuleAsyncOptions {
  readonly imports?: ModuleMetadata['imports'];
  readonly inject?: FactoryProvider['inject'];
  readonly useFactory: FactoryProvider<{ readonly env?: Environment }>['useFactory'];
}

/** What the application adds to the configuration, and what it needs of it. */
export interface ConfigModuleOptions extends Pick<LoadOptions, 'queueNeedsRedis'> {
  /** A class that is validated with the connector's variables, and provided. */
  readonly partnerConfig?: PartnerConfig;
}

/** Provides {@link ConnectorConfig} globally. The connector does not start with a wrong configuration. */
@Module({})
export class ConfigModule {
  /**
   * @param environment `process.env` at the start by default. The connector reads only the files that it names.
   */
  static register(environment?: Environment, options: ConfigModuleOptions = {}): DynamicModule {
    return this.compose(options, {
      provide: ENVIRONMENT,
      useFactory: () => ({ env: environment ?? process.env }),
    });
  }

  /** Without an `env` in the factory's result, `process.env` is used as it is. */
  static registerAsync(
    { imports = [], inject, useFactory }: ConfigModuleAsyncOptions,
    options: ConfigModuleOptions = {},
  ): DynamicModule {
    return {
      ...this.compose(options, { provide: ENVIRONMENT, inject, useFactory }),
      imports: [...imports],
    };
  }

  private static compose(
    { partnerConfig, queueNeedsRedis }: ConfigModuleOptions,
    environment: FactoryProvider<{ readonly env?: Environment } | undefined>,
  ): DynamicModule {
    if (partnerConfig) partnerVariables(partnerConfig);
    return {
      module: ConfigModule,
      global: true,
      providers: [
        environment,
        {
          provide: LOADED,
          inject: [ENVIRONMENT],
          useFactory: ({ env }: { readonly env?: Environment } = {}) =>
            load(env ?? process.env, { partnerConfig, queueNeedsRedis }),
        },
        { provide: ConnectorConfig, inject: [LOADED], useFactory: ({ connector }: Loaded) => connector },
        ...(partnerConfig
          ? [{ provide: partnerConfig, inject: [LOADED], useFactory: ({ partner }: Loaded) => partner }]
          : []),
      ],
      exports: [ConnectorConfig, ...(partnerConfig ? [partnerConfig] : [])],
    };
  }
}

function load(environment: Environment, { partnerConfig, queueNeedsRedis }: ConfigModuleOptions): Loaded {
  let partner: object | undefined;
  const readMore: LoadOptions['readMore'] = (problems) => {
    if (partnerConfig) partner = readPartnerConfig(partnerConfig, environment, problems);
  };
  const connector = loadConnectorConfig(environment, { readMore, queueNeedsRedis });
  for (const warning of [...connector.warnings, ...connector.notices]) new Logger('Config').warn(warning);
  return { connector: changedConfig(connector), partner };
}
