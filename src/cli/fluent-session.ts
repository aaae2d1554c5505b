import { Global, type INestApplicationContext, Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import type { Command } from 'commander';
import { ConnectorConfig, loadFluentConfig } from '../config/index.js';
import { FluentEventsModule } from '../fluent-events/index.js';
import { FluentModule, type FluentScope } from '../fluent/index.js';
import { GraphqlModule } from '../graphql/index.js';
import { ConnectorMetrics } from '../metrics/index.js';
import { type Console, printLine } from './console.js';

/** Options of every command that calls Fluent. */
export interface FluentOptions {
  readonly account?: string;
  readonly retailer?: string;
  readonly json?: boolean;
}

export function withFluentOptions(command: Command): Command {
  return command
    .option('--account <id>', 'Fluent account, when several are configured')
    .option('--retailer <id>', 'retailer, unless exactly one is configured')
    .option('--json', 'results as JSON');
}

export function scopeOf({ account, retailer }: FluentOptions): FluentScope {
  return { accountId: account, retailerId: retailer };
}

/**
 * Runs `work` with the Fluent services of the connector, and closes them afterwards.
 *
 * @throws ConfigurationError when the configuration of Fluent is wrong
 */
export async function withFluent<T>(
  { env, stderr }: Console,
  work: (services: INestApplicationContext) => Promise<T>,
): Promise<T> {
  const config = loadFluentConfig(env);
  for (const warning of config.warnings) await printLine(stderr, `warning: ${warning}`);
  @Global()
  @Module({
    providers: [{ provide: ConnectorConfig, useValue: config }, ConnectorMetrics],
    exports: [ConnectorConfig, ConnectorMetrics],
  })
  class GroundModule {}
  @Module({ imports: [GroundModule, GraphqlModule, FluentModule, FluentEventsModule] })
  class SessionModule {}
  const services = await NestFactory.createApplicationContext(SessionModule, {
    logger: false,
    abortOnError: false,
  });
  try {
    return await work(services);
  } finally {
    await services.close();
  }
}
