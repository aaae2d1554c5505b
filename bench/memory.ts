import { setTimeout as delay } from 'node:timers/promises';
import type { WebhookKeys } from '../src/testing/index.js';
import { ConnectorProcess } from '../test/support/connector-process.js';
import type { LogLine } from '../test/support/running-connector.js';
import { type RedisAccount, lookAt, peakMbOf, spentBetween } from './accounting.js';
import { builtConnector } from './built-connector.js';
import type { Child } from './child.js';
import { pacedLoad } from './load.js';
import { median } from './median.js';
import { percentile } from './percentile.js';
import type { Row } from './report.js';
import { signedWebhooks, type SignedWebhook } from './signed-webhooks.js';

const NOTIFICATIONS = 100_000;
const ORDERS = 5000;
const PER_SECOND = 500;
const STATUSES = ['BOOKED', 'PICK_PACK', 'AWAITING_COURIER_COLLECTION', 'COMPLETE'];
/** So far apart that one has long ended when the next one is due. */
const LONE_PER_SECOND = 5;
const LONE = 100;
const GIVE_UP_MS = 60_000;

/**
 * An ingress and a worker at a steady load: resident memory slice by slice, and the time from the moment at which a
 * webhook was due until its notification had ended. Then lone notifications, without any load.
 */
export async function benchMemory(
  redis: RedisAccount,
  keys: WebhookKeys,
  emulators: Child,
  environment: Readonly<Record<string, string>>,
  from: number,
): Promise<Row[]> {
  await emulators.ask({ kind: 'add', from, count: ORDERS, status: 'RECEIVED' });
  const lags = new Lags();
  const launch = builtConnector();
  const ingress = await ConnectorProcess.start(
    { ...environment, CONNECTOR_ROLE: 'ingress' },
    undefined,
    launch,
  );
  const worker = await ConnectorProcess.start(
    { ...environment, CONNECTOR_ROLE: 'worker', QUEUE_CONCURRENCY: '64' },
    (line) => lags.ended(line),
    launch,
  );
  const processes = [ingress, worker];
  const samples = processes.map((): number[] => []);
  const slice = async (index: number, count: number, perSecond: number): Promise<void> => {
    const entityStatus = STATUSES[index % STATUSES.length]!;
    await emulators.ask({ kind: 'move', from, count, status: entityStatus });
    const webhooks = signedWebhooks(keys, count, { from, orders: count, entityStatus });
    const onDue = ({ id }: SignedWebhook, dueAt: number): void => lags.due(id, dueAt);
    const { failed } = await pacedLoad(ingress.webhookUrl, webhooks, perSecond, { onDue });
    if (failed > 0) throw new Error(`${failed} webhooks failed`);
    for (const [at, process] of processes.entries()) samples[at]!.push(process.residentMb);
  };
  try {
    const before = await lookAt(worker.pid, redis);
    const slices = NOTIFICATIONS / ORDERS;
    for (let index = 0; index < slices; index++) await slice(index, ORDERS, PER_SECOND);
    await lags.allEnded();
    const spent = spentBetween(before, await lookAt(worker.pid, redis), NOTIFICATIONS);
    const loaded = lags.percentiles();
    const peaks = processes.map(({ pid }) => peakMbOf(pid));
    const quarter = Math.floor(slices / 4);
    const note = (at: number): string =>
      `second quarter ${median(samples[at]!.slice(quarter, 2 * quarter))} MB, last quarter ${median(samples[at]!.slice(-quarter))} MB`;

    await slice(slices, LONE, LONE_PER_SECOND);
    await lags.allEnded();
    return [
      { what: `steady load, ingress`, perSecond: PER_SECOND, peakMb: peaks[0], note: note(0) },
      {
        what: `steady load, worker`,
        ...spent,
        latency: loaded,
        peakMb: peaks[1],
        note: note(1),
      },
      {
        what: 'a lone notification',
        perSecond: LONE_PER_SECOND,
        latency: lags.percentiles(),
      },
    ];
  } finally {
    for (const process of processes) await process.stop();
    await redis.client.flushall();
  }
}

const FINAL = new Set<unknown>(['updated', 'unchanged', 'unmapped', 'superseded', 'dead']);

/** The time from the moment at which each webhook was due until the log line of its outcome. */
class Lags {
  private readonly pending = new Map<string, number>();
  private values: number[] = [];

  /** @param dueAt by `performance.now()`. */
  due(id: string, dueAt: number): void {
    this.pending.set(id, performance.timeOrigin + dueAt);
  }

  ended({ outcome, notificationId, time }: LogLine): void {
    const id = String(notificationId);
    const dueAt = this.pending.get(id);
    if (dueAt === undefined || !FINAL.has(outcome)) return;
    this.pending.delete(id);
    this.values.push(Date.parse(String(time)) - dueAt);
  }

  async allEnded(): Promise<void> {
    const giveUpAt = performance.now() + GIVE_UP_MS;
    while (this.pending.size > 0) {
      if (performance.now() > giveUpAt) throw new Error(`${this.pending.size} notifications did not end`);
      await delay(20);
    }
  }

  /** @returns those of the webhooks since the last call. */
  percentiles(): { p50Ms: number; p99Ms: number } {
    const values = this.values;
    this.values = [];
    return { p50Ms: percentile(values, 50), p99Ms: percentile(values, 99) };
  }
}
