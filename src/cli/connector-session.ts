import { randomBytes } from 'node:crypto';
import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { DynamicModule, Type } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { FastifyAdapter, type NestFastifyApplication } from '@nestjs/platform-fastify';
import { type ConnectorConfig, withConfigChange } from '../config/index.js';
import { ConnectorModule } from '../connector.module.js';
import { asError } from '../errors.js';
import { explainInjection } from '../overrides.js';
import { type Console, UsageError } from './console.js';
import { MODULE_VARIABLE, type ModuleOptions } from './module-option.js';

/** The name of the module in applications that Nest's command line has created. */
const USUAL_EXPORT = 'AppModule';
/** This process must neither hide nor remove the stories that the connectors keep. */
const STORY_SECONDS = 366 * 86_400;

/** The connector's services in this process. They accept no webhooks and process no notifications. */
export interface ConnectorSession {
  readonly app: NestFastifyApplication;
  /** Valid for the admin API of {@link app} only. */
  readonly adminToken: string;
}

/**
 * Starts the connector's services with the same configuration and overrides as the connector, and stops them after `work`.
 *
 * @throws ConfigurationError when the configuration is wrong, UsageError when the module cannot be loaded.
 */
export async function withConnector<T>(
  { env }: Console,
  { module = env[MODULE_VARIABLE] }: ModuleOptions,
  work: (session: ConnectorSession) => Promise<T>,
): Promise<T> {
  const adminToken = randomBytes(32).toString('base64url');
  const app = await withEnvironment(env, async () => {
    const root = module === undefined ? ConnectorModule.register() : await loadModule(module);
    return withConfigChange(
      (config) => forCommand(config, adminToken),
      () => start(root),
    );
  });
  try {
    return await work({ app, adminToken });
  } finally {
    await app.close();
  }
}

async function start(root: DynamicModule | Type): Promise<NestFastifyApplication> {
  const adapter = new FastifyAdapter();
  const options = { logger: false, abortOnError: false, bodyParser: false } as const;
  const app = await NestFactory.create<NestFastifyApplication>(root, adapter, options).catch(
    (error: unknown) => {
      throw explainInjection(error);
    },
  );
  try {
    await app.init();
    return app;
  } catch (error) {
    await app.close();
    throw error;
  }
}

/**
 * An ingress runs no worker and no reconciliation. The log has only the audit lines of changes, apart from the results. The
 * running connectors may keep stories although this process has no admin token.
 */
function forCommand(config: ConnectorConfig, secret: string): ConnectorConfig {
  const server: ConnectorConfig['server'] = {
    ...config.server,
    managementPort: undefined,
    adminTokens: [{ name: 'command-line', scope: 'write', secret }],
  };
  const logging: ConnectorConfig['logging'] = { level: 'silent', format: 'json', fileDescriptor: 2 };
  const history = { ...config.history, ttlSeconds: config.history.ttlSeconds || STORY_SECONDS };
  const changed = { role: 'ingress', server, logging, history };
  return Object.create(
    config,
    Object.fromEntries(Object.entries(changed).map(([name, value]) => [name, { value, enumerable: true }])),
  ) as ConnectorConfig;
}

async function loadModule(file: string): Promise<DynamicModule | Type> {
  let exports: Readonly<Record<string, unknown>>;
  try {
    exports = (await import(pathToFileURL(resolve(file)).href)) as typeof exports;
  } catch (error) {
    throw new UsageError(`the module ${file} cannot be loaded: ${asError(error).message}`);
  }
  const root = exports['default'] ?? exports[USUAL_EXPORT];
  if (typeof root === 'function' || (typeof root === 'object' && root !== null && 'module' in root)) {
    return root as DynamicModule | Type;
  }
  throw new UsageError(
    `${file} must export the module that you pass to bootstrapConnector, as default or as ${USUAL_EXPORT}`,
  );
}

/** Modules of partners read `process.env`, which lacks the variables of `--env-file`. */
async function withEnvironment<T>(env: Console['env'], action: () => Promise<T>): Promise<T> {
  const before = process.env;
  process.env = { ...env };
  try {
    return await action();
  } finally {
    process.env = before;
  }
}
