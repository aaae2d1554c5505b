import { readFileSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { Redis } from 'ioredis';
import type { PrivateRedis, WebhookKeys } from '../src/testing/index.js';
import { ConnectorProcess } from '../test/support/connector-process.js';
import type { Child } from './child.js';
import { load } from './load.js';
import type { Row } from './report.js';
import { signedWebhooks } from './signed-webhooks.js';

const NOTIFICATIONS = 20_000;
/** Finished ones whose marks alone are measured after each count, and how many are marked by one script. */
const MARKS = [20_000, 100_000, 400_000, 1_000_000, 2_000_000];
const MARKED_AT_ONCE = 1000;
const DEDUPE_WINDOW_SECONDS = 90_000;
/** So many keys of each kind are asked for their size. */
const SAMPLED_KEYS = 1000;
const GIVE_UP_MS = 240_000;
const POLL_MS = 100;
const PREFIX = '{fluent-connector}';
const JOBS = `${PREFIX}:notifications:`;

/**
 * What a notification costs in Redis while it waits, while it is delayed for a retry, and after it is finished. Each
 * notification has an order of its own, which is the worst case: those of one order share its key.
 */
export async function benchRedisMemory(
  redis: PrivateRedis,
  keys: WebhookKeys,
  emulators: Child,
  environment: Record<string, string>,
  from: number,
): Promise<Row[]> {
  const client = new Redis(redis.url);
  const measured = new Measured(client);
  const accept = async (firstOrder: number): Promise<void> => {
    await client.flushall();
    await measured.begin();
    const ingress = await ConnectorProcess.start({ ...environment, CONNECTOR_ROLE: 'ingress' });
    const topic = { from: firstOrder, orders: NOTIFICATIONS, entityStatus: 'BOOKED' };
    const { accepted } = await load(ingress.webhookUrl, signedWebhooks(keys, NOTIFICATIONS, topic));
    await ingress.stop();
    if (accepted !== NOTIFICATIONS) throw new Error(`${accepted} of ${NOTIFICATIONS} webhooks were accepted`);
  };
  const work = async (variables: Record<string, string>, isOver: () => Promise<boolean>): Promise<void> => {
    const worker = await ConnectorProcess.start({
      ...environment,
      ...variables,
      CONNECTOR_ROLE: 'worker',
      QUEUE_CONCURRENCY: '64',
    });
    const deadline = performance.now() + GIVE_UP_MS;
    while (!(await isOver())) {
      if (performance.now() > deadline) throw new Error('the notifications were not worked on in time');
      await delay(POLL_MS);
    }
    await worker.stop();
  };
  try {
    // Nobody knows these orders, so that every notification is tried once and waits for its second try.
    await accept(from);
    const waiting = await measured.end();
    const job = await measured.key(`${JOBS}*`, 'hash');
    const order = await measured.key(`${PREFIX}:order:*`);
    const hour = String(3_600_000);
    await work(
      { RETRY_BASE_DELAY: hour, RETRY_MAX_DELAY: hour },
      async () => (await client.zcard(`${JOBS}delayed`)) >= NOTIFICATIONS * 0.99,
    );
    const delayed = await measured.end();
    const delayedJob = await measured.key(`${JOBS}*`, 'hash');

    const known = from + NOTIFICATIONS;
    await emulators.ask({ kind: 'add', from: known, count: NOTIFICATIONS, status: 'BOOKED' });
    await accept(known);
    await work({}, async () => (await client.zcard(`${JOBS}unfinished`)) === 0);
    const finished = await measured.end();
    const finishedOrder = await measured.key(`${PREFIX}:order:*`);
    const owner = await measured.key(`${PREFIX}:owner:*`);
    const mark = await measured.without(`${PREFIX}:finished*`);
    await client.flushall();
    await measured.begin();
    const sizes: string[] = [];
    for (const [index, count] of MARKS.entries()) {
      await markFinished(client, MARKS[index - 1] ?? 0, count);
      sizes.push(`${await measured.end(count)} of ${count}`);
    }
    return [
      {
        what: 'Redis, a waiting notification',
        note: `${waiting} bytes: job ${job}, order key ${order}`,
      },
      { what: 'Redis, a delayed notification', note: `${delayed} bytes: job ${delayedJob}` },
      {
        what: 'Redis, a finished notification',
        note: `${finished} bytes: mark ${mark}, order key ${finishedOrder}, owner of the commercetools order ${owner}`,
      },
      {
        what: 'Redis, the marks of many finished notifications',
        note: `bytes for each: ${sizes.join(', ')}`,
      },
    ];
  } finally {
    client.disconnect();
    await redis.flush();
  }
}

/** Marks notifications as finished, as the script `settle` does. */
async function markFinished(client: Redis, from: number, to: number): Promise<void> {
  const lua = [
    readFileSync(new URL('../src/delivery/bull/lua/finished.lua', import.meta.url), 'utf8'),
    "local nowSeconds = tonumber(redis.call('TIME')[1])",
    'for at = 3, #ARGV do markFinished(ARGV[1], ARGV[at], tonumber(ARGV[2]), nowSeconds) end',
  ].join('\n');
  for (let first = from; first < to; first += MARKED_AT_ONCE) {
    const ids = Array.from({ length: MARKED_AT_ONCE }, (_, index) => `job-${first + index}`);
    await client.eval(lua, 0, `${PREFIX}:finished`, DEDUPE_WINDOW_SECONDS, ...ids);
  }
}

/** Memory by Redis' own account. */
class Measured {
  private before = 0;

  constructor(private readonly client: Redis) {}

  async begin(): Promise<void> {
    this.before = await this.used();
  }

  /** @returns bytes for each notification since `begin`, with all that Redis spends around the keys. */
  async end(notifications = NOTIFICATIONS): Promise<number> {
    return Math.round(((await this.used()) - this.before) / notifications);
  }

  /** Deletes the keys that match. @returns the bytes that this frees for each notification. */
  async without(pattern: string): Promise<number> {
    const before = await this.used();
    for await (const keys of this.client.scanStream({ match: pattern, count: 1000 })) {
      if ((keys as string[]).length > 0) await this.client.del(keys as string[]);
    }
    return Math.round((before - (await this.used())) / NOTIFICATIONS);
  }

  /** @returns the mean size of the keys that match, in bytes, without their place in Redis' own tables. */
  async key(pattern: string, type?: string): Promise<number> {
    const sizes: number[] = [];
    for await (const keys of this.client.scanStream({ match: pattern, count: 1000, ...(type && { type }) })) {
      for (const key of keys as string[]) {
        sizes.push((await this.client.memory('USAGE', key, 'SAMPLES', 0)) ?? 0);
        if (sizes.length === SAMPLED_KEYS) return mean(sizes);
      }
    }
    if (sizes.length === 0) throw new Error(`Redis has no key ${pattern}`);
    return mean(sizes);
  }

  private async used(): Promise<number> {
    const [, bytes] = /^used_memory:(\d+)/m.exec(await this.client.info('memory')) ?? [];
    return Number(bytes);
  }
}

function mean(sizes: readonly number[]): number {
  return Math.round(sizes.reduce((sum, size) => sum + size, 0) / sizes.length);
}
