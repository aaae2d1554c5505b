import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Module } from '@nestjs/common';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { request } from 'undici';
import { vi } from 'vitest';
import { bootstrapConnector } from '../../src/bootstrap-connector.js';
import { ConnectorConfig } from '../../src/config/index.js';
import { ConnectorModule } from '../../src/connector.module.js';
import { MessageQueue, RunReports, type DeadLetter, type RunReport } from '../../src/delivery/index.js';
import { shutDownGracefully } from '../../src/graceful-shutdown.js';
import {
  CommercetoolsEmulator,
  FluentEmulator,
  PrivateRedis,
  generateWebhookKeys,
} from '../../src/testing/index.js';
import { WAIT } from '../support/wait.js';

/** Short waits, so that a case takes seconds. A case that is slower than these only takes longer. */
const QUICK = {
  HOST: '127.0.0.1',
  PORT: '0',
  LOG_FORMAT: 'json',
  QUEUE_CONCURRENCY: '64',
  HTTP_CLIENT_TIMEOUT: '1000',
  RETRY_BASE_DELAY: '100',
  RETRY_MAX_DELAY: '800',
  RECHECK_DELAY: '200',
  SETTINGS_CACHE_TTL: '0',
  RECONCILE_INTERVAL: '0',
  SHUTDOWN_TIMEOUT: '5',
};
/** Many lanes ask the same questions, whose answers cost the connector more than a webhook. */
const SAMPLE_MS = 250;
const UPSTREAM_CALLS =
  /^fluent_connector_upstream_request_duration_seconds_count\{target="([^"]+)",operation="[^"]+",outcome="([^"]+)"\} (\d+)$/gm;
const UNKNOWN_HISTORIES = /^fluent_connector_skipped_statuses_total\{result="unknown"\} (\d+)$/m;
const HARMLESS: ReadonlySet<string> = new Set(['ok', 'conflict', 'aborted']);
/** Like Fluent, which sends a webhook again that was not accepted, only sooner. */
const WEBHOOK_RETRY = { delaysMs: Array.from({ length: 40 }, () => 250), timeoutMs: 10_000 };
const FINAL: ReadonlySet<RunReport['outcome']> = new Set([
  'updated',
  'unchanged',
  'unmapped',
  'superseded',
  'dead',
]);

interface HealthEntry {
  readonly status: 'up' | 'degraded' | 'down';
  readonly circuit?: string;
}

interface Metrics {
  /** How many calls to each target have failed so far. */
  readonly failedCalls: ReadonlyMap<string, number>;
  /** Syncs that went on without the statuses before the present one. */
  readonly unknownHistories: number;
}

/** One account with its project, each emulated, and what the connector reported of its notifications. */
export interface Lane {
  readonly account: string;
  readonly fluent: FluentEmulator;
  readonly commercetools: CommercetoolsEmulator;
  /** Ids of the notifications that have ended. */
  readonly finished: Set<string>;
  /** How often a notification was retried. */
  retries: number;
  /** The last report of a run for each order, by its ref. */
  readonly lastRuns: Map<string, RunReport>;
}

/** One connector in this process that works for many accounts, each with upstreams that fail on their own. */
export class Fleet {
  private constructor(
    /** Nothing ever fails here. */
    readonly bystander: Lane,
    readonly lanes: readonly Lane[],
    private readonly app: NestFastifyApplication,
    private readonly url: string,
    private readonly close: () => Promise<void>,
  ) {}

  /** @param count of the lanes, beside the bystander's. */
  static async start(count: number): Promise<Fleet> {
    // Nothing here restarts it.
    const redis = await PrivateRedis.start({ aof: false });
    const webhookKeys = generateWebhookKeys();
    const all = await Promise.all(
      Array.from({ length: count + 1 }, async (_, index): Promise<Lane> => {
        const accountId = `A${index}`;
        const [fluent, commercetools] = await Promise.all([
          new FluentEmulator({
            accountId,
            webhookKeys,
            webhookRetry: WEBHOOK_RETRY,
          }).start(),
          new CommercetoolsEmulator({ projectKey: `p${index}` }).start(),
        ]);
        fluent.useReferenceMappings();
        return {
          account: accountId,
          fluent,
          commercetools,
          finished: new Set(),
          retries: 0,
          lastRuns: new Map(),
        };
      }),
    );
    const folder = mkdtempSync(join(tmpdir(), 'fluent-connector-faults-'));
    const path = join(folder, 'connector.yaml');
    // JSON is YAML.
    writeFileSync(path, JSON.stringify(documentOf(all)));
    const byAccount = new Map(all.map((lane) => [lane.account, lane]));
    const env = {
      ...QUICK,
      LOG_LEVEL: process.env['LOG_LEVEL'] ?? 'silent',
      REDIS_URL: redis.url,
      CONNECTOR_CONFIG: path,
    };
    @Module({
      imports: [ConnectorModule.register({ env })],
      providers: [
        {
          provide: 'run observer',
          inject: [RunReports],
          // Before the workers start.
          useFactory: (reports: RunReports) =>
            reports.subscribe((run) => note(run, byAccount.get(run.notification.accountId))),
        },
      ],
    })
    class Observed {}
    const app = await bootstrapConnector(Observed, { embedded: true });
    const url = await app.getUrl();
    for (const { fluent } of all) fluent.webhookUrl = url + app.get(ConnectorConfig).server.webhookPath;
    const [bystander, ...lanes] = all as [Lane, ...Lane[]];
    return new Fleet(bystander, lanes, app, url, async () => {
      await shutDownGracefully(app);
      await Promise.all(all.flatMap(({ fluent, commercetools }) => [fluent.stop(), commercetools.stop()]));
      await redis.stop();
      rmSync(folder, { recursive: true });
    });
  }

  /** @returns the entries of `/health`. */
  health = sampled(async () => {
    const { details } = JSON.parse(await this.get('/health')) as {
      details: Readonly<Record<string, HealthEntry>>;
    };
    return details;
  });

  /** @returns what the metrics tell. */
  metrics = sampled(async (): Promise<Metrics> => {
    const text = await this.get('/metrics');
    const failedCalls = new Map<string, number>();
    for (const [, target = '', outcome = '', count] of text.matchAll(UPSTREAM_CALLS)) {
      if (!HARMLESS.has(outcome)) failedCalls.set(target, (failedCalls.get(target) ?? 0) + Number(count));
    }
    return { failedCalls, unknownHistories: Number(UNKNOWN_HISTORIES.exec(text)?.[1] ?? 0) };
  });

  /** Over a connection of its own: the connector may close one that is kept, in favour of a webhook's. */
  private async get(path: string): Promise<string> {
    return (await request(this.url + path, { reset: true })).body.text();
  }

  /** @returns the dead letters of an account. */
  async deadLetters(account: string): Promise<DeadLetter[]> {
    const queue = this.app.get(MessageQueue);
    const letters: DeadLetter[] = [];
    for (let after: DeadLetter | undefined; ;) {
      // On a busy machine, Redis may take longer than the queue waits for an answer.
      const page: readonly DeadLetter[] = await vi.waitFor(
        () => queue.deadLetters({ after, limit: 100 }),
        WAIT,
      );
      letters.push(...page.filter(({ notification }) => notification.accountId === account));
      after = page.at(-1);
      if (!after) return letters;
    }
  }

  /** @returns false when it is a dead letter no longer: another run of the order has healed it. */
  replay({ id }: DeadLetter): Promise<boolean> {
    return this.app.get(MessageQueue).replay(id);
  }

  async stop(): Promise<void> {
    await this.close();
  }
}

/** @returns a question that is asked again only when its last answer is older than {@link SAMPLE_MS}. */
function sampled<T>(ask: () => Promise<T>): () => Promise<T> {
  let last: { readonly at: number; readonly answer: Promise<T> } | undefined;
  return () => {
    if (!last || performance.now() - last.at > SAMPLE_MS) last = { at: performance.now(), answer: ask() };
    return last.answer;
  };
}

function note(run: RunReport, lane: Lane | undefined): void {
  if (!lane) return;
  const { notification, outcome } = run;
  lane.lastRuns.set(notification.entityRef, run);
  if (FINAL.has(outcome)) lane.finished.add(notification.id);
  else lane.retries++;
}

function documentOf(lanes: readonly Lane[]): object {
  return {
    projects: lanes.map(({ commercetools }) => {
      const env = commercetools.environment;
      return {
        key: env['CTP_PROJECT_KEY'],
        clientId: env['CTP_CLIENT_ID'],
        clientSecret: env['CTP_CLIENT_SECRET'],
        authUrl: env['CTP_AUTH_URL'],
        apiUrl: env['CTP_API_URL'],
        scopes: env['CTP_SCOPES'],
      };
    }),
    accounts: lanes.map(({ account, fluent, commercetools }) => {
      const env = fluent.environment;
      return {
        id: account,
        baseUrl: env['FLUENT_BASE_URL'],
        username: env['FLUENT_USERNAME'],
        password: env['FLUENT_PASSWORD'],
        clientId: env['FLUENT_CLIENT_ID'],
        clientSecret: env['FLUENT_CLIENT_SECRET'],
        webhookPublicKeys: [env['FLUENT_WEBHOOK_PUBLIC_KEYS']],
        retailers: [{ id: fluent.retailerId, project: commercetools.projectKey }],
      };
    }),
  };
}
