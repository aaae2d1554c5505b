import { type DynamicModule, Module } from '@nestjs/common';
import { ConfigModule as NestConfigModule } from '@nestjs/config';
import { ConnectorConfig } from './connector-config.js';
import { loadConnectorConfig } from './load-connector-config.js';
import type { Environment } from './variables.js';

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
        { provide: ConnectorConfig, useFactory: () => loadConnectorConfig(environment ?? process.env) },
      ],
      exports: [ConnectorConfig],
    };
  }
}
