import { setTimeout as delay } from 'node:timers/promises';
import Bull from 'bull';
import type { ConnectorConfig } from '../src/config/index.js';
import { parseRedisUrl } from '../src/config/index.js';
import { BullMessageQueue, QUEUE_NAME, type Delivery } from '../src/delivery/index.js';
import { REDIS_PREFIX, RedisConnections } from '../src/redis/index.js';
import { PrivateRedis } from '../src/testing/index.js';
import { sampleNotification } from '../src/testing/sample-notification.js';
import { RedisAccount } from './accounting.js';
import { median, rounds } from './median.js';
import type { Row } from './report.js';

/** `BENCH_BACKLOG` notifications wait in one of the two queues. */
const BACKLOG = Number(process.env['BENCH_BACKLOG'] ?? 1_000_000);
/** So many notifications are accepted, taken and settled in each turn. */
const EACH_TURN = 5000;
/** As many webhooks as an ingress holds while Redis stores them, and as many slots as a busy worker has. */
const ACCEPTED_AT_ONCE = 1000;
const TAKEN_AT_ONCE = 64;
/** Redis remembers commands that take longer. */
const SLOW_MICROS = 1000;
const DONE = { action: 'done', outcome: 'updated', lagMs: 0 } as const;

interface Side {
  readonly server: PrivateRedis;
  readonly redis: RedisAccount;
  readonly connections: RedisConnections;
  readonly queue: BullMessageQueue;
  readonly accepting: Spent[];
  readonly working: Spent[];
}

interface Spent {
  readonly perSecond: number;
  readonly redisMicros: number;
}

/** Accepts, takes and settles where a million notifications wait, and where almost none do, in turns on two servers. */
export async function benchBacklog(): Promise<Row[]> {
  const [empty, full] = [await start(), await start()];
  try {
    const before = (await full.redis.usage()).usedBytes;
    await accept(full.queue, BACKLOG);
    const bytes = ((await full.redis.usage()).usedBytes - before) / BACKLOG;
    for (let round = -1; round < rounds(); round++) {
      for (const { queue, redis, accepting, working } of [empty, full]) {
        const accepted = await spentOn(redis, () => accept(queue, EACH_TURN));
        const worked = await spentOn(redis, () => work(queue, EACH_TURN));
        // The first turn compiles the hot paths.
        if (round < 0) continue;
        accepting.push(accepted);
        working.push(worked);
      }
    }
    const search = await searchIn(full);
    const { waiting } = await full.queue.counts();
    if (waiting !== BACKLOG) throw new Error(`${waiting} notifications wait, and ${BACKLOG} should`);
    return [
      { what: 'accept, almost nothing waits', ...medianOf(empty.accepting) },
      {
        what: `accept, ${BACKLOG} wait`,
        ...medianOf(full.accepting),
        beside: besideOf(full.accepting, empty.accepting),
        note: `${bytes.toFixed(0)} bytes for each that waits`,
      },
      { what: 'take and settle, almost nothing waits', ...medianOf(empty.working) },
      {
        what: `take and settle, ${BACKLOG} wait`,
        ...medianOf(full.working),
        beside: besideOf(full.working, empty.working),
      },
      { what: `search for an order, ${BACKLOG} wait`, note: search },
    ];
  } finally {
    for (const side of [empty, full]) await stop(side);
  }
}

async function start(): Promise<Side> {
  const server = await PrivateRedis.start({ args: ['--appendfsync', 'everysec'] });
  const queue: ConnectorConfig['queue'] = {
    redis: parseRedisUrl(server.url)!,
    redisWaitReplicas: 0,
    concurrency: TAKEN_AT_ONCE,
    lockDurationMs: 30_000,
    dedupeWindowSeconds: 90_000,
    recheckDelayMs: 10_000,
    retry: { maxAgeSeconds: 86_400, baseDelayMs: 1000, maxDelayMs: 60_000 },
  };
  const config = { queue } as ConnectorConfig;
  const connections = new RedisConnections(config);
  await connections.opened();
  const bull = new Bull(QUEUE_NAME, {
    prefix: REDIS_PREFIX,
    createClient: (type) => connections.reconnecting(`bull-${type}`) as Bull.Queue['client'],
  });
  const redis = new RedisAccount(server.url);
  return {
    server,
    redis,
    connections,
    queue: new BullMessageQueue(config, connections, bull),
    accepting: [],
    working: [],
  };
}

async function stop({ server, redis, connections, queue }: Side): Promise<void> {
  await queue.onApplicationShutdown();
  connections.onApplicationShutdown();
  redis.close();
  await server.stop();
}

let nextOrder = 0;

/** Each notification is about an order of its own, so that Redis keeps as many order keys. */
async function accept(queue: BullMessageQueue, count: number): Promise<void> {
  for (let left = count; left > 0; left -= ACCEPTED_AT_ONCE) {
    const batch = Array.from({ length: Math.min(left, ACCEPTED_AT_ONCE) }, () => {
      const entityId = String(nextOrder++);
      const notification = sampleNotification({
        entityId,
        entityRef: `O_${entityId}`,
        entityStatus: 'BOOKED',
      });
      return queue.add(notification, { coalesceKey: `OrderStatusHandler:ACME:1:ORDER:${entityId}` });
    });
    await Promise.all(batch);
  }
}

async function work(queue: BullMessageQueue, count: number): Promise<void> {
  const { signal } = new AbortController();
  const settle = (delivery: Delivery): Promise<unknown> => {
    const coverage = { number: delivery.ticket.number, observedState: 'BOOKED' };
    return queue.settle(delivery, { ...DONE, coverage, run: { changed: true } });
  };
  for (let left = count; left > 0;) {
    const taken = await queue.take(Math.min(left, TAKEN_AT_ONCE), signal);
    await Promise.all(taken.map(settle));
    left -= taken.length;
  }
}

/** An order that nothing waits for is the longest search. */
async function searchIn({ queue, redis }: Side): Promise<string> {
  await redis.client.config('SET', 'slowlog-log-slower-than', SLOW_MICROS);
  await redis.client.slowlog('RESET');
  const before = await redis.usage();
  const startedAt = performance.now();
  const { isComplete } = await queue.findUnfinished({ accountId: 'ACME', refs: ['nobody'], ids: ['nobody'] });
  const elapsedMs = performance.now() - startedAt;
  const { cpuMicros } = await redis.usage();
  const slow = (await redis.client.slowlog('GET', 1000)) as [id: number, at: number, micros: number][];
  const longestMs = Math.max(0, ...slow.map(([, , micros]) => micros)) / 1000;
  return (
    `${elapsedMs.toFixed(0)} ms, ${isComplete ? 'complete' : 'cut short'}, ` +
    `${((cpuMicros - before.cpuMicros) / 1000).toFixed(0)} ms of Redis' CPU, ` +
    `the longest script ${longestMs.toFixed(1)} ms, of ${slow.length} above ${SLOW_MICROS / 1000} ms`
  );
}

async function spentOn(redis: RedisAccount, run: () => Promise<void>): Promise<Spent> {
  // What Redis still writes or frees for the turn before must not count.
  await delay(200);
  const { cpuMicros } = await redis.usage();
  const startedAt = performance.now();
  await run();
  const elapsedMs = performance.now() - startedAt;
  const after = await redis.usage();
  return {
    perSecond: (EACH_TURN * 1000) / elapsedMs,
    redisMicros: (after.cpuMicros - cpuMicros) / EACH_TURN,
  };
}

function medianOf(runs: readonly Spent[]): Spent {
  return {
    perSecond: median(runs.map(({ perSecond }) => perSecond)),
    redisMicros: median(runs.map(({ redisMicros }) => redisMicros)),
  };
}

function besideOf(full: readonly Spent[], empty: readonly Spent[]): string {
  const ratio = (field: keyof Spent): string =>
    median(full.map((run, round) => run[field] / empty[round]![field])).toFixed(2);
  return `${ratio('perSecond')} × the rate, ${ratio('redisMicros')} × the CPU of Redis`;
}
