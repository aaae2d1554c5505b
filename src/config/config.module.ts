import {
  Logger,
  Module,
  type DynamicModule,
  type FactoryProvider,
  type ModuleMetadata,
} from '@nestjs/common';
import { changedConfig } from './adapted-config.js';
import { ConnectorConfig } from './connector-config.js';
import { loadConnectorConfig } from './load-connector-config.js';
import type { Environment } from './variables.js';

const ENVIRONMENT = Symbol('ENVIRONMENT');

/** An environment that comes from another provider. */
export interface ConfigModuleAsyncOptions {
  readonly imports?: ModuleMetadata['imports'];
  readonly inject?: FactoryProvider['inject'];
  readonly useFactory: FactoryProvider<{ readonly env?: Environment }>['useFactory'];
}

/** Provides {@link ConnectorConfig} globally. The connector does not start with a wrong configuration. */
@Module({})
export class ConfigModule {
  /** @param environment `process.env` at the start by default. The connector reads only the files that it names. */
  static register(environment?: Environment): DynamicModule {
    return {
      module: ConfigModule,
      global: true,
      providers: [
        { provide: ConnectorConfig, useFactory: () => loadWithWarnings(environment ?? process.env) },
      ],
      exports: [ConnectorConfig],
    };
  }

  /** Without an `env` in the factory's result, `process.env` is used as it is. */
  static registerAsync({ imports = [], inject, useFactory }: ConfigModuleAsyncOptions): DynamicModule {
    return {
      module: ConfigModule,
      global: true,
      imports: [...imports],
      providers: [
        { provide: ENVIRONMENT, inject, useFactory },
        {
          provide: ConnectorConfig,
          inject: [ENVIRONMENT],
          useFactory: ({ env }: { readonly env?: Environment } = {}) => loadWithWarnings(env ?? process.env),
        },
      ],
      exports: [ConnectorConfig],
    };
  }
}

function loadWithWarnings(environment: Environment): ConnectorConfig {
  const config = loadConnectorConfig(environment);
  for (const warning of [...config.warnings, ...config.notices]) new Logger('Config').warn(warning);
  return changedConfig(config);
}
