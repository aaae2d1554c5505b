import type { RequestListener } from 'node:http';
import { Logger, type DynamicModule, type Type } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { FastifyAdapter, type NestFastifyApplication } from '@nestjs/platform-fastify';
import { checkQueueIsShared } from './check-queue.js';
import { ConnectorConfig } from './config/index.js';
import { MessageQueue } from './delivery/index.js';
import { ConfigurationError } from './errors.js';
import { shutDownGracefully } from './graceful-shutdown.js';
import { ConnectorLogger, PinoLogger } from './logging/index.js';
import { type HeapLimits, limitHeap } from './limit-heap.js';
import { explainInjection } from './overrides.js';
import { checkNodeVersion } from './node-version.js';
import { StartSummary } from './start-summary.js';
import { startTracing } from './tracing/index.js';
import {
  BodyReader,
  ConnectionLimiter,
  IngressRoutes,
  ManagementListener,
  RejectionReporter,
  RequestGate,
  createHttpServer,
  handleClientError,
  handleMalformedUrl,
  registerJsonParser,
} from './http/index.js';

/** How the connector runs in its process. */
export interface BootstrapOptions {
  /**
   * `true` when the connector is part of a test or a larger application. It then throws errors instead of ending the
   * process, and does not handle signals. The caller ends it with `app.close()`. By default, the connector owns the process.
   */
  readonly embedded?: boolean;
}

/** The memory limit of all unfinished request bodies together; it has room for at least a few of the largest. */
const MAX_UNFINISHED_BYTES = 64 * 1024 * 1024;
const MIN_LARGEST_BODIES = 4;
/** Connections that wait in the kernel until the connector accepts them; the limit of the system may be lower. */
const LISTEN_BACKLOG = 4096;
/** Probes, scrapes and operators need only a few connections. */
const MANAGEMENT_CONNECTIONS = { maxConnections: 256, maxConnectionsPerAddress: 64 };
/** In a URL: an order ref of 512 characters, each of them encoded. */
const MAX_PARAMETER_LENGTH = 512 * 9;
const MEBIBYTE = 1024 * 1024;
/** With this many slots, a worker needs more room for young objects. */
const MANY_SLOTS = 128;
/** How long after the shutdown time-out the process exits at the latest. */
const EXIT_MARGIN_MS = 5000;

/**
 * Starts a connector: reads its configuration, connects, listens, and ends gracefully on SIGTERM or SIGINT.
 *
 * A problem at start is printed on stderr and ends the process with exit code 1, unless `embedded`. Later, an uncaught
 * exception ends the process as well, and an unhandled rejection is logged.
 *
 * @param module `ConnectorModule.register(…)`, or a module that imports it.
 * @returns the listening application.
 */
export async function bootstrapConnector(
  module: DynamicModule | Type,
  { embedded = false }: BootstrapOptions = {},
): Promise<NestFastifyApplication> {
  if (embedded) return start(module, false);
  try {
    endOnUnexpectedErrors();
    ignoreDebuggerSignal();
    const app = await start(module, true);
    surviveForgottenPromises();
    endOnSignals(app);
    return app;
  } catch (error) {
    process.stderr.write(`${startProblem(error)}\n`);
    process.exit(1);
  }
}

async function start(module: DynamicModule | Type, ownsProcess: boolean): Promise<NestFastifyApplication> {
  const versionWarning = checkNodeVersion();
  const gate = new RequestGate();
  let connections: ConnectionLimiter | undefined;
  let route: RequestListener | undefined;
  const adapter = new FastifyAdapter({
    // Called again for the second address of a host name such as localhost.
    serverFactory: (handler: RequestListener) => {
      route = handler;
      const created = createHttpServer(gate.listener('public', handler));
      connections?.attach(created);
      return created;
    },
    // Routes of the application refuse a mistyped field instead of removing it, as those of the admin API do.
    ajv: { customOptions: { removeAdditional: false } },
    routerOptions: { maxParamLength: MAX_PARAMETER_LENGTH },
    clientErrorHandler: handleClientError,
    frameworkErrors: handleMalformedUrl,
    // Webhooks that arrive while the listener closes are still accepted.
    return503OnClosing: false,
  });
  const app = await NestFactory.create<NestFastifyApplication>(module, adapter, {
    abortOnError: false,
    autoFlushLogs: false,
    bodyParser: false,
    bufferLogs: true,
  }).catch((error: unknown) => {
    // The error contains the earlier messages, and other modules may still log. A process that ends now drops them all.
    if (!ownsProcess) Logger.detachBuffer();
    throw explainInjection(error);
  });
  try {
    const config = app.get(ConnectorConfig);
    const { role, server } = config;
    checkQueueIsShared(app.get(MessageQueue), { role });
    const { host, port, managementPort, webhookBodyLimitBytes } = server;
    app.useLogger(app.get(ConnectorLogger));
    app.flushLogs();
    if (versionWarning !== undefined) PinoLogger.root.warn(versionWarning);
    // The tracer belongs to the process. If a host application has registered one, it is used.
    if (ownsProcess) await traceUntilClosed(adapter);
    const routes = app.get(IngressRoutes);
    const reader = new BodyReader(
      webhookBodyLimitBytes,
      Math.max(MAX_UNFINISHED_BYTES, MIN_LARGEST_BODIES * webhookBodyLimitBytes),
    );
    registerJsonParser(adapter.getInstance(), reader, routes);
    adapter.getInstance().addHook('onRoute', (options) => gate.addRoute(options));
    gate.connect(routes, app.get(RejectionReporter), { isSplit: managementPort !== undefined });
    const limiter = app.get(ConnectionLimiter);
    connections = limiter;
    limiter.attach(adapter.getHttpServer());
    await app.init();
    if (ownsProcess) limitHeap(heapLimitsOf(config));
    await app.listen({ host, port, backlog: LISTEN_BACKLOG });
    const management = app.get(ManagementListener);
    if (managementPort !== undefined && route) {
      const managementServer = createHttpServer(gate.listener('management', route));
      managementServer.on('clientError', handleClientError);
      limiter.attach(managementServer, MANAGEMENT_CONNECTIONS);
      await management.listen(managementServer, host, managementPort);
    }
    app.get(StartSummary).log();
    PinoLogger.root.info({ role, url: await app.getUrl(), managementPort: management.port }, 'listening');
    return app;
  } catch (error) {
    await app.close();
    throw explainListen(error);
  }
}

/**
 * The objects of a notification live while its calls run, so many slots need more room for young objects, or most of them get old
 * before they die. Few objects of an ingress outlive a webhook.
 */
function heapLimitsOf({ role, queue }: ConnectorConfig): HeapLimits {
  if (role === 'ingress') return { growingPercent: 20, youngBytes: 16 * MEBIBYTE };
  if (queue.concurrency < MANY_SLOTS) return { growingPercent: 20, youngBytes: 32 * MEBIBYTE };
  return { growingPercent: 40, youngBytes: 64 * MEBIBYTE };
}

async function traceUntilClosed(adapter: FastifyAdapter): Promise<void> {
  const tracing = await startTracing(process.env, (message) => PinoLogger.root.warn(message));
  if (!tracing) return;
  PinoLogger.root.info('tracing is on');
  // All work has ended by then.
  adapter.getInstance().addHook('onClose', () => tracing.stop());
}

function endOnSignals(app: NestFastifyApplication): void {
  let isEnding = false;
  const end = (signal: NodeJS.Signals): void => {
    if (isEnding) {
      PinoLogger.root.warn({ signal }, 'received a second signal; exiting at once');
      process.exit(1);
    }
    isEnding = true;
    const { drainDelaySeconds, shutdownTimeoutSeconds } = app.get(ConnectorConfig).server;
    setTimeout(
      () => {
        PinoLogger.root.error('did not stop in time; another worker takes over the running notifications');
        process.exit(1);
      },
      (drainDelaySeconds + shutdownTimeoutSeconds) * 1000 + EXIT_MARGIN_MS,
    ).unref();
    shutDownGracefully(app).then(
      () => process.exit(0),
      (error: unknown) => {
        PinoLogger.root.fatal({ err: error }, 'could not stop gracefully');
        process.exit(1);
      },
    );
  };
  process.on('SIGTERM', end);
  process.on('SIGINT', end);
}

/** Without a listener, SIGUSR1 opens Node's debugger. Newer versions of Node have `--disable-sigusr1`. */
function ignoreDebuggerSignal(): void {
  process.on('SIGUSR1', () => PinoLogger.root?.warn('ignored SIGUSR1: the debugger stays closed'));
}

/** An uncaught exception leaves the process in an unknown state. It ends, and another process takes over its work. */
function endOnUnexpectedErrors(): void {
  process.on('uncaughtException', endUnexpectedly);
  process.on('unhandledRejection', endUnexpectedly);
}

function endUnexpectedly(error: unknown): void {
  if (PinoLogger.root) PinoLogger.root.fatal({ err: error }, 'unexpected error; ending the process');
  else process.stderr.write(`${startProblem(error)}\n`);
  process.exit(1);
}

/**
 * While the connector runs, an unhandled rejection comes from the work of one notification and must not end the work of
 * others. An uncaught exception may have left an inconsistent state, so it ends the process.
 */
function surviveForgottenPromises(): void {
  process.off('unhandledRejection', endUnexpectedly);
  process.on('unhandledRejection', (error) => {
    PinoLogger.root.error(
      { err: error },
      'unhandled promise rejection; await the promise in the code that creates it',
    );
  });
}

/** The operator must choose another address; a stack trace would not help. */
function explainListen(error: unknown): unknown {
  const isListen = error instanceof Error && 'syscall' in error && error.syscall === 'listen';
  return isListen
    ? new ConfigurationError(`${error.message}; check HOST, PORT and MANAGEMENT_PORT`, { cause: error })
    : error;
}

function startProblem(error: unknown): string {
  if (error instanceof ConfigurationError) return error.message;
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}
