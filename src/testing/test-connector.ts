import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import type { DynamicModule, Type } from '@nestjs/common';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import type { ConnectorModuleOptions } from '../connector.module.js';
import type { FluentNotification } from '../notification/index.js';
import type { MessageQueue, RunReport } from '../delivery/index.js';
import {
  CommercetoolsEmulator,
  type CommercetoolsEmulatorOptions,
} from './commercetools/commercetools-emulator.js';
import type { CommercetoolsOrderRecord } from './commercetools/order-record.js';
import type { NewCommercetoolsOrder } from './commercetools/commercetools-state.js';
import { FluentEmulator, type FluentEmulatorOptions } from './fluent/fluent-emulator.js';
import type { FluentOrderRecord, NewFluentOrder } from './fluent/fluent-state.js';
import type { WebhookOutcome } from './fluent/webhook-sender.js';
import { provideTestRedis } from './test-redis.js';

const TIMEOUT_MS = 10_000;
const POLL_MS = 10;

/** Short delays, so a test sees a retry, a recheck or a corrected setting within a second. */
const QUICK = {
  HOST: '127.0.0.1',
  PORT: '0',
  LOG_FORMAT: 'json',
  SETTINGS_CACHE_TTL: '0',
  RETRY_BASE_DELAY: '20',
  RETRY_MAX_DELAY: '200',
  RECHECK_DELAY: '100',
  RECONCILE_INTERVAL: '0',
  HTTP_CLIENT_TIMEOUT: '5000',
  SHUTDOWN_TIMEOUT: '5',
};

interface Surroundings {
  /**
   * Environment variables of the connector; they take precedence over those of the test kit. With `CONNECTOR_CONFIG`, the
   * test kit sets no variable that the file replaces.
   */
  readonly env?: Readonly<Record<string, string>>;
  readonly fluent?: FluentEmulatorOptions;
  /** With `messages` the connector also accepts messages from the emulated commercetools. */
  readonly commercetools?: CommercetoolsEmulatorOptions;
  /**
   * A Redis server with an empty database; `REDIS_URL` by default. Without either, the test kit starts a private
   * server. `false`: there is no Redis, for an override of `MessageQueue` that needs none.
   */
  readonly redisUrl?: string | false;
}

/** A connector with your overrides and handlers, as for `ConnectorModule.register`. */
export interface TestedParts extends Omit<ConnectorModuleOptions, 'env'>, Surroundings {
  readonly module?: undefined;
}

/** A whole application. */
export interface TestedModule extends Surroundings {
  /**
   * The module that the application passes to `bootstrapConnector`. It reads its configuration from
   * `process.env`, which the test kit replaces during the start.
   */
  readonly module: DynamicModule | Type;
}

/** What {@link createTestConnector} starts. */
export type TestConnectorOptions = TestedParts | TestedModule;

/** An order on both sides. */
export interface TestOrder {
  readonly fluent: FluentOrderRecord;
  readonly commercetools: CommercetoolsOrderRecord;
}

/** The result of a webhook that a test sent. */
export interface SentNotification extends WebhookOutcome {
  readonly id: string;
}

/** Which run to wait for. An omitted field matches every run. */
export interface RunFilter {
  readonly id?: string;
  readonly outcome?: RunReport['outcome'];
}

/**
 * Starts a connector in this process, with a separate Redis and separate emulators of Fluent and commercetools, all on
 * free ports. Fluent's settings contain the reference mappings. Retries and rechecks have short delays; `env` changes
 * them. Set `LOG_LEVEL=debug` in the environment of the test to see the connector's log.
 *
 * @example
 * const connector = await createTestConnector({ overrides: [{ provide: StatusMapper, useClass: MyMapper }] });
 * const order = connector.addOrder({ ref: 'O_1' });
 * await connector.fluent.move(order.fluent.id, 'BOOKED');
 * await connector.settled();
 * expect(order.commercetools.orderState).toBe('Confirmed');
 * await connector.stop();
 *
 * @throws Error with the reason when the connector does not start. It then stops everything that it has started.
 */
export async function createTestConnector(options: TestConnectorOptions = {}): Promise<TestConnector> {
  const cleanUps: (() => Promise<unknown>)[] = [];
  const stop = async (): Promise<void> => {
    const failures: unknown[] = [];
    for (const cleanUp of cleanUps.splice(0).toReversed()) {
      await cleanUp().catch((error: unknown) => failures.push(error));
    }
    if (failures.length > 0) throw new AggregateError(failures, 'the test connector did not stop cleanly');
  };
  try {
    const { redisUrl = process.env['REDIS_URL'] } = options;
    const redis = redisUrl === false ? undefined : await provideTestRedis(redisUrl);
    if (redis) cleanUps.push(() => redis.stop());
    // The test learns of a refused webhook at once.
    const fluent = await new FluentEmulator({ webhookRetry: { delaysMs: [] }, ...options.fluent }).start();
    cleanUps.push(() => fluent.stop());
    fluent.useReferenceMappings();
    const commercetools = await new CommercetoolsEmulator(options.commercetools).start();
    cleanUps.push(() => commercetools.stop());

    const env = {
      ...QUICK,
      LOG_LEVEL: process.env['LOG_LEVEL'] ?? 'silent',
      ...(redis && { REDIS_URL: redis.url }),
      ...(!options.env?.['CONNECTOR_CONFIG'] && { ...fluent.environment, ...commercetools.environment }),
      ...(options.commercetools?.messages && commercetools.messagesEnvironment),
      ...options.env,
    };
    const runs: RunReport[] = [];
    const { app, webhookPath, messagesPath, queue, close } = await startConnector(options, env, (run) =>
      runs.push(run),
    );
    cleanUps.push(close);
    const url = await app.getUrl();
    fluent.webhookUrl = url + webhookPath;
    if (messagesPath !== undefined) commercetools.messagesUrl = url + messagesPath;
    const connector = new TestConnector({ url, fluent, commercetools, app, queue, runs, stop });
    await connector.ready();
    return connector;
  } catch (error) {
    await stop();
    throw error;
  }
}

/** A connector that {@link createTestConnector} started. */
export class TestConnector implements AsyncDisposable {
  /** Without a trailing slash. */
  readonly url: string;
  readonly fluent: FluentEmulator;
  readonly commercetools: CommercetoolsEmulator;
  /** The application; `app.get(Token)` returns any of its providers. */
  readonly app: NestFastifyApplication;
  /** The queue, for its dead letters. */
  readonly queue: MessageQueue;
  /** Every run of a notification so far, oldest first. */
  readonly runs: readonly RunReport[];
  /** Stops everything that {@link createTestConnector} has started. You can call it twice. */
  readonly stop: () => Promise<void>;

  /** @internal */
  constructor(
    parts: Pick<TestConnector, 'url' | 'fluent' | 'commercetools' | 'app' | 'queue' | 'runs' | 'stop'>,
  ) {
    this.url = parts.url;
    this.fluent = parts.fluent;
    this.commercetools = parts.commercetools;
    this.app = parts.app;
    this.queue = parts.queue;
    this.runs = parts.runs;
    this.stop = parts.stop;
  }

  /** The address of the webhook endpoint. */
  get webhookUrl(): string {
    return this.fluent.webhookUrl ?? this.url;
  }

  /**
   * Adds an order to Fluent, and an order with its ref as order number to commercetools.
   *
   * @throws Error when either exists.
   */
  addOrder(
    fluentOrder: NewFluentOrder,
    commercetoolsOrder: Omit<NewCommercetoolsOrder, 'orderNumber'> = {},
  ): TestOrder {
    const fluent = this.fluent.addOrder(fluentOrder);
    const commercetools = this.commercetools.addOrder({ ...commercetoolsOrder, orderNumber: fluent.ref });
    return { fluent, commercetools };
  }

  /**
   * Signs a notification and sends it to the webhook endpoint. Omitted fields have defaults: a new id, the
   * emulated account and retailer, and the entity `ORDER` `1` with the ref `O_1`. To send the webhooks of an
   * emulated order, use `fluent.move` and `fluent.notify`.
   */
  async send(
    notification: Partial<FluentNotification> & { readonly name: string },
  ): Promise<SentNotification> {
    const { accountId, retailerId } = this.fluent;
    const entity = { entityType: 'ORDER', entityId: '1', entityRef: 'O_1' };
    const complete = { id: randomUUID(), accountId, retailerId, ...entity, attributes: {}, ...notification };
    return { id: complete.id, ...(await this.fluent.webhooks.send(complete)) };
  }

  /**
   * Resolves when no notification waits, runs or is delayed before a retry. Dead letters count as settled; check
   * {@link runs} or {@link queue} for them.
   *
   * @param timeoutMs how long to wait, in milliseconds. Default: 10,000.
   * @throws Error after `timeoutMs` that says how many notifications remain and how the last run ended.
   */
  async settled(timeoutMs = TIMEOUT_MS): Promise<void> {
    // Check twice in a row: the counts are not atomic, and a job that moves between them escapes both.
    let quiet = 0;
    await waitUntil(
      async () => {
        const { waiting, active, delayed } = await this.queue.counts();
        quiet = waiting + active + delayed === 0 ? quiet + 1 : 0;
        return quiet === 2 || undefined;
      },
      timeoutMs,
      async () => `not settled: ${JSON.stringify(await this.queue.counts())}; ${this.lastRun()}`,
    );
  }

  /**
   * Resolves with the first matching run, even if it has already ended.
   *
   * @param timeoutMs how long to wait, in milliseconds. Default: 10,000.
   * @throws Error after `timeoutMs` that says how the last run ended.
   */
  async waitForRun({ id, outcome }: RunFilter = {}, timeoutMs = TIMEOUT_MS): Promise<RunReport> {
    return waitUntil(
      async () =>
        this.runs.find(
          (run) =>
            (id === undefined || run.notification.id === id) &&
            (outcome === undefined || run.outcome === outcome),
        ),
      timeoutMs,
      async () => `no run with ${JSON.stringify({ id, outcome })}; ${this.lastRun()}`,
    );
  }

  /** @internal Resolves when webhooks are accepted. */
  async ready(): Promise<void> {
    await waitUntil(
      async () => (await fetch(`${this.url}/health/ready`)).ok || undefined,
      TIMEOUT_MS,
      async () => `not ready: ${await (await fetch(`${this.url}/health`)).text()}`,
    );
  }

  /** Calls {@link TestConnector.stop}, for `await using`. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }

  private lastRun(): string {
    const run = this.runs.at(-1);
    if (!run) return 'nothing has run';
    const { notification, outcome, attempt, error } = run;
    return `the last run (${notification.name}, attempt ${attempt}) ended ${outcome}${error ? `: ${error.message}` : ''}`;
  }
}

interface StartedConnector {
  readonly app: NestFastifyApplication;
  readonly queue: MessageQueue;
  readonly webhookPath: string;
  readonly messagesPath?: string;
  readonly close: () => Promise<void>;
}

/**
 * Loads the connector only here. The emulators also run where the compiler emits no decorator metadata, which Nest
 * requires.
 */
async function startConnector(
  options: TestConnectorOptions,
  env: Record<string, string>,
  onRun: (run: RunReport) => void,
): Promise<StartedConnector> {
  const { ConnectorModule } = await import('../connector.module.js');
  const { bootstrapConnector } = await import('../bootstrap-connector.js');
  const { shutDownGracefully } = await import('../graceful-shutdown.js');
  const { ConnectorConfig } = await import('../config/index.js');
  const { MessageQueue, RunReports } = await import('../delivery/index.js');

  const observed = (tested: DynamicModule | Type): DynamicModule => ({
    module: class TestedConnector {},
    imports: [tested],
    providers: [
      {
        provide: 'run observer',
        inject: [RunReports],
        // Before the workers start.
        useFactory: (reports: InstanceType<typeof RunReports>) => reports.subscribe(onRun),
      },
    ],
  });
  let app: NestFastifyApplication;
  if (options.module) {
    const { module } = options;
    app = await withEnvironment(env, () => bootstrapConnector(observed(module), { embedded: true }));
  } else {
    const {
      env: _env,
      fluent: _fluent,
      commercetools: _commercetools,
      redisUrl: _redisUrl,
      ...parts
    } = options;
    app = await bootstrapConnector(observed(ConnectorModule.register({ ...parts, env })), { embedded: true });
  }
  const { server, commercetoolsMessages } = app.get(ConnectorConfig);
  return {
    app,
    queue: app.get(MessageQueue),
    webhookPath: server.webhookPath,
    messagesPath: commercetoolsMessages?.path,
    close: () => shutDownGracefully(app),
  };
}

async function withEnvironment<T>(env: Record<string, string>, action: () => Promise<T>): Promise<T> {
  const before = process.env;
  // No other variable of the environment configures a connector under test.
  process.env = { PATH: before['PATH'], ...env };
  try {
    return await action();
  } finally {
    process.env = before;
  }
}

/** @throws Error with the text of `problem` when `condition` returns nothing within `timeoutMs`. */
async function waitUntil<T>(
  condition: () => Promise<T | undefined>,
  timeoutMs: number,
  problem: () => Promise<string>,
): Promise<T> {
  const deadline = performance.now() + timeoutMs;
  for (;;) {
    const value = await condition();
    if (value !== undefined) return value;
    if (performance.now() > deadline) throw new Error(`${await problem()} (waited ${timeoutMs} ms)`);
    await delay(POLL_MS);
  }
}
