import {
  Logger,
  Module,
  type DynamicModule,
  type FactoryProvider,
  type ModuleMetadata,
} from '@nestjs/common';
import { ConfigModule as NestConfigModule } from '@nestjs/config';
import { ConnectorConfig } from './connector-config.js';
import { loadConnectorConfig } from './load-connector-config.js';
import type { Environment } from './variables.js';

const ENVIRONMENT = Symbol('ENVIRONMENT');

/** An environment that is known only once something else has been built. */
export interface ConfigModuleAsyncOptions {
  readonly imports?: ModuleMetadata['imports'];
  readonly inject?: FactoryProvider['inject'];
  readonly useFactory: FactoryProvider<{ readonly env?: Environment }>['useFactory'];
}

/** Provides {@link ConnectorConfig} everywhere; the start fails when the configuration is wrong. */
@Module({})
export class ConfigModule {
  /**
   * @param environment used alone when it is given; otherwise `process.env`, completed by the file `.env`
   * of the working directory.
   */
  static register(environment?: Environment): DynamicModule {
    return {
      module: ConfigModule,
      global: true,
      // Completes process.env from the file .env.
      imports: environment ? [] : [NestConfigModule.forRoot()],
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
  for (const warning of config.warnings) new Logger('Config').warn(warning);
  return config;
}
