import { expect, it as base, vi } from 'vitest';
import {
  CommercetoolsEmulator,
  FluentEmulator,
  PrivateRedis,
  REFERENCE_WORKFLOWS,
  SeededRandom,
  createTestConnector,
  generateWebhookKeys,
  type FluentEmulatorOptions,
  type PrivateRedisOptions,
  type TestConnector,
  type TestConnectorOptions,
} from '../../src/testing/index.js';
import { agrees } from './agreement.js';
import { ConnectorProcess, type Launch } from './connector-process.js';
import { InProcessConnector } from './in-process-connector.js';
import type { LogLine } from './running-connector.js';
import { WAIT } from './wait.js';

type Environment = Readonly<Record<string, string>>;

/** How a notification can end, in the connector's log. */
const FINAL_OUTCOMES: ReadonlySet<unknown> = new Set([
  'updated',
  'unchanged',
  'unmapped',
  'superseded',
  'dead',
]);

/** Shorter waits than in production, so that a spec soon sees a connector retry, recover and check again. */
export const SHORT_WAITS = {
  QUEUE_LOCK_DURATION: '1000',
  RECHECK_DELAY: '500',
  RETRY_BASE_DELAY: '50',
  RETRY_MAX_DELAY: '1000',
  HTTP_CLIENT_TIMEOUT: '1000',
} as const;

/** Fluent sends a webhook that was not accepted again every 100 ms, at most `times` times. */
export function resentEvery100Ms(times: number): FluentEmulatorOptions {
  return { webhookRetry: { delaysMs: Array.from({ length: times }, () => 100), timeoutMs: 3000 } };
}

/** Both emulators, the connectors that a test starts between them, and what these logged. */
export class Harness {
  /** Every line that a connector has logged so far. */
  readonly lines: LogLine[] = [];
  private readonly connectors: ConnectorProcess[] = [];
  private readonly inProcess: InProcessConnector[] = [];

  private constructor(
    readonly fluent: FluentEmulator,
    readonly commercetools: CommercetoolsEmulator,
    private readonly environment: Environment,
  ) {}

  /** @param environment of each connector, beside the addresses and credentials of both emulators. */
  static async start(options: FluentEmulatorOptions, environment: Environment): Promise<Harness> {
    const [fluent, commercetools] = await Promise.all([
      new FluentEmulator(options).start(),
      new CommercetoolsEmulator().start(),
    ]);
    fluent.useReferenceMappings();
    return new Harness(fluent, commercetools, {
      ...fluent.environment,
      ...commercetools.environment,
      RECONCILE_INTERVAL: '0',
      ...environment,
    });
  }

  /**
   * Starts a connector in this process, which gets Fluent's webhooks from now on. Prefer it to {@link startConnector}, unless
   * the test asserts something of a process.
   */
  async startInProcess(environment: Environment = {}): Promise<InProcessConnector> {
    const connector = await InProcessConnector.start(this.environmentWith(environment), (line) =>
      this.lines.push(line),
    );
    this.inProcess.push(connector);
    this.fluent.webhookUrl = connector.webhookUrl;
    return connector;
  }

  /** Starts a process with a connector, which gets Fluent's webhooks from now on. */
  async startConnector(environment: Environment = {}, launch?: Launch): Promise<ConnectorProcess> {
    const connector = await ConnectorProcess.start(
      this.environmentWith(environment),
      (line) => this.lines.push(line),
      launch,
    );
    this.connectors.push(connector);
    this.fluent.webhookUrl = connector.webhookUrl;
    return connector;
  }

  /** Starts a connector that does not get ready. */
  async launchConnector(environment: Environment): Promise<ConnectorProcess> {
    const connector = await ConnectorProcess.launch(this.environmentWith(environment), (line) =>
      this.lines.push(line),
    );
    this.connectors.push(connector);
    return connector;
  }

  /** @returns the variables that a connector is started with. */
  environmentWith(more: Environment = {}): Environment {
    return { ...this.environment, ...more };
  }

  /** Ends the connectors and the emulators. */
  async stop(): Promise<void> {
    await Promise.all(this.inProcess.splice(0).map((connector) => connector.stop()));
    await Promise.all(this.connectors.splice(0).map((connector) => connector.kill()));
    await Promise.all([this.fluent.stop(), this.commercetools.stop()]);
  }

  /** Adds an order on both sides. @returns its Fluent id. */
  addOrder(ref: string): string {
    this.commercetools.addOrder({ orderNumber: ref });
    return this.fluent.addOrder({ ref }).id;
  }

  /** Adds the orders O_0, O_1 and so on. @returns their Fluent ids. */
  addOrders(count: number): string[] {
    return Array.from({ length: count }, (_, index) => this.addOrder(`O_${index}`));
  }

  /** Leads orders through their workflows, some webhooks twice or late; resolves when each was answered. */
  async walkAll(ids: readonly string[], pauseMs: readonly [number, number] = [50, 300]): Promise<void> {
    const random = new SeededRandom(11);
    const workflows = Object.values(REFERENCE_WORKFLOWS);
    await Promise.all(
      ids.map((id) =>
        this.fluent.walk(id, random.pick(workflows), { pauseMs, duplicates: 0.1, reorders: 0.1, random }),
      ),
    );
  }

  /** @returns a line for each order whose states in commercetools are not those of its Fluent status. */
  disagreements(): string[] {
    return this.fluent.orders
      .filter(({ ref, status }) => !agrees(this.commercetools.order(ref), status))
      .map(({ ref, status }) => `${ref} is ${status} in Fluent only`);
  }

  /** @returns ids of the notifications whose final outcome was logged. */
  finishedIds(): Set<unknown> {
    return new Set(
      this.lines
        .filter(({ outcome }) => FINAL_OUTCOMES.has(outcome))
        .map(({ notificationId }) => notificationId),
    );
  }

  /** Waits until an order shows a Fluent status. */
  async expectAgreement(ref: string, status: string): Promise<void> {
    await vi.waitFor(() => expect(agrees(this.commercetools.order(ref), status)).toBe(true), WAIT);
  }

  /** Waits until every order agrees. */
  async expectAgreementOfAll(): Promise<void> {
    await vi.waitFor(() => expect(this.disagreements()).toEqual([]), WAIT);
  }

  /** Every order agrees, every accepted notification has a final outcome, and none is a dead letter. */
  async expectNothingLost(): Promise<void> {
    await this.expectAgreementOfAll();
    const { counts } = this.fluent.webhooks;
    await vi.waitFor(() => expect(this.finishedIds().size).toBeGreaterThanOrEqual(counts.accepted), WAIT);
    expect(counts.failed).toBe(0);
    expect(this.lines.filter(({ outcome }) => outcome === 'dead')).toEqual([]);
  }

  /** No order's state was ever followed by the state of an older status. */
  expectNoStepBack(): void {
    const ranks = ['Open', 'Confirmed', 'Complete', 'Cancelled'];
    for (const { orderNumber, history } of this.commercetools.orders) {
      const seen = history.map(({ orderState }) => ranks.indexOf(orderState));
      expect(seen, orderNumber).toEqual(seen.toSorted((a, b) => a - b));
    }
  }
}

/**
 * Makes an `it` with a Redis server for the file, emptied before each test, and a {@link Harness} for each test. Each is
 * started only for tests that name it, and cleans up after itself.
 *
 * Files share a process, so a file with overrides makes its own. Overrides of a shared one would also apply to later files.
 *
 * @example
 * const it = createIt();
 * it.override('environment', { RETRY_BASE_DELAY: '50' }); // of every connector in this file
 *
 * it('shows a new status', async ({ harness }) => {
 *   const id = harness.addOrder('O_1');
 *   await harness.startConnector();
 *   await harness.fluent.move(id, 'BOOKED');
 *   await harness.expectAgreement('O_1', 'BOOKED');
 * });
 */
export const createIt = () =>
  base
    // Override these three to change what the others start.
    .extend('redisOptions', { scope: 'file' }, {} as PrivateRedisOptions)
    .extend('fluentOptions', {} as FluentEmulatorOptions)
    .extend('environment', {} as Environment)
    .extend('redisServer', { scope: 'file' }, async ({ redisOptions }, { onCleanup }) => {
      const server = await PrivateRedis.start(redisOptions);
      onCleanup(() => server.stop());
      return server;
    })
    .extend('redis', async ({ redisServer }) => {
      await redisServer.flush();
      return redisServer;
    })
    // Making them takes longer than starting the emulator.
    .extend('webhookKeys', { scope: 'file' }, () => generateWebhookKeys())
    .extend('harness', async ({ redis, fluentOptions, webhookKeys, environment }, { onCleanup }) => {
      const options = { webhookKeys, ...fluentOptions };
      const harness = await Harness.start(options, { REDIS_URL: redis.url, ...environment });
      onCleanup(() => harness.stop());
      return harness;
    })
    /** Starts a connector in this process, with its own emulators and its own database of the server. */
    .extend('startTestConnector', async ({ redisServer, webhookKeys }, { onCleanup }) => {
      const connectors: TestConnector[] = [];
      onCleanup(async () => {
        for (const connector of connectors.toReversed()) await connector.stop();
      });
      return async (options: TestConnectorOptions = {}): Promise<TestConnector> => {
        const connector = await createTestConnector({
          redisUrl: redisServer.url,
          ...options,
          fluent: { webhookKeys, ...options.fluent },
        });
        connectors.push(connector);
        return connector;
      };
    });

/** For files without overrides. */
export const it = createIt();
