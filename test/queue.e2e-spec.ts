import { hash, randomBytes } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { getQueueToken } from '@nestjs/bull';
import { Test, type TestingModule } from '@nestjs/testing';
import { Global, Module } from '@nestjs/common';
import type { Queue } from 'bull';
import { Redis } from 'ioredis';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { ConnectorConfig, parseRedisUrl } from '../src/config/index.js';
import {
  BullMessageQueue,
  QUEUE_NAME,
  QueueModule,
  QueueUnavailableError,
  type Delivery,
} from '../src/delivery/index.js';
import { RedisModule } from '../src/redis/index.js';
import { FAIL_FAST_TIMEOUT_MS } from '../src/redis/redis-connections.js';
import { messageQueueSuite } from '../src/testing/message-queue-suite.js';
import { PrivateRedis } from '../src/testing/private-redis.js';
import { PrivateCluster } from '../src/testing/private-redis-topologies.js';
import { sampleNotification } from '../src/testing/sample-notification.js';
import { startTcpProxy } from './support/tcp-proxy.js';

const within = { timeout: 15_000, interval: 20 };

let redis: PrivateRedis;
const open: TestingModule[] = [];

beforeAll(async () => {
  redis = await PrivateRedis.start({ aof: true });
});
afterAll(() => redis.stop());
beforeEach(() => redis.flush());
afterEach(async () => {
  for (const module of open.splice(0)) await module.close();
});

interface QueueSettings {
  lockDurationMs?: number;
  redisUrl?: string;
  redisWaitReplicas?: number;
}

async function startQueue(settings: QueueSettings = {}): Promise<BullMessageQueue> {
  const queue: ConnectorConfig['queue'] = {
    redis: parseRedisUrl(settings.redisUrl ?? redis.url)!,
    redisWaitReplicas: settings.redisWaitReplicas ?? 0,
    concurrency: 16,
    lockDurationMs: settings.lockDurationMs ?? 30_000,
    dedupeWindowSeconds: 60,
    recheckDelayMs: 200,
    retry: { maxAgeSeconds: 60, baseDelayMs: 10, maxDelayMs: 50 },
  };
  @Global()
  @Module({
    providers: [{ provide: ConnectorConfig, useValue: { queue } }],
    exports: [ConnectorConfig],
  })
  class Ground {}
  const module = await Test.createTestingModule({
    imports: [Ground, RedisModule, QueueModule.onRedis()],
  }).compile();
  module.enableShutdownHooks();
  await module.init();
  open.push(module);
  const messageQueue = module.get(BullMessageQueue);
  await vi.waitFor(async () => expect((await messageQueue.health()).reachable).toBe(true), within);
  return messageQueue;
}

function stoppable(server: PrivateRedis): PrivateRedis & AsyncDisposable {
  return Object.assign(server, { [Symbol.asyncDispose]: () => server.stop() });
}

const DONE = { action: 'done', outcome: 'updated', lagMs: 0 } as const;
const KEY = { coalesceKey: 'order-1' } as const;
const never = new AbortController().signal;

/** @returns at least one delivery. */
async function take(queue: BullMessageQueue, max = 1): Promise<readonly Delivery[]> {
  for (;;) {
    const taken = await queue.take(max, never);
    if (taken.length > 0) return taken;
  }
}

async function takeOne(queue: BullMessageQueue): Promise<Delivery> {
  const [delivery] = await take(queue);
  return delivery!;
}

async function raw<T>(work: (client: Redis) => Promise<T>): Promise<T> {
  const client = new Redis(redis.url);
  try {
    return await work(client);
  } finally {
    client.disconnect();
  }
}

describe('the contract of MessageQueue', () => {
  /** The locks of a worker end, as if its process had died, and another worker starts. */
  const takeOver = async (): Promise<BullMessageQueue> => {
    const other = await startQueue();
    await raw(async (client) => client.del(await client.keys('{fluent-connector}:notifications:*:lock')));
    return other;
  };

  const suite = messageQueueSuite({ create: () => startQueue(), takeOver });

  it.each(suite.map(({ name, run }) => [name, run] as const))('%s', async (_, run) => {
    await expect(run()).resolves.toBeUndefined();
  });
});

describe('a search for unfinished notifications', () => {
  const search = { accountId: 'ACME', refs: ['O_7'], ids: [] };
  const addMany = (queue: BullMessageQueue, count: number, fields: object): Promise<unknown> =>
    Promise.all(Array.from({ length: count }, () => queue.add(sampleNotification(fields))));

  it('finds those of an order among thousands of others', async () => {
    const queue = await startQueue();
    for (let n = 0; n < 4; n++) {
      await queue.add(sampleNotification({ id: `sought-${n}`, entityRef: 'O_7' }));
      await addMany(queue, 1000, { entityRef: 'O_8' });
    }
    const { found, isComplete } = await queue.findUnfinished(search);
    expect(found.map(({ notification: { id } }) => id).toSorted()).toEqual(
      Array.from({ length: 4 }, (_, n) => `sought-${n}`),
    );
    expect(isComplete).toBe(true);
  });

  it('finds at most 100, and says that it has not looked at everything', async () => {
    const queue = await startQueue();
    await addMany(queue, 150, { entityRef: 'O_7' });
    const { found, isComplete } = await queue.findUnfinished(search);
    expect(found).toHaveLength(100);
    expect(isComplete).toBe(false);
  });

  it('does not return a dead letter that is still on the list of unfinished jobs', async () => {
    const queue = await startQueue();
    await queue.add(sampleNotification({ entityRef: 'O_7' }));
    const delivery = await takeOne(queue);
    const error = new Error('no');
    await queue.settle(delivery, { action: 'dead', progress: {}, error });
    // As a worker of an older version leaves it.
    await raw((client) => client.zadd('{fluent-connector}:notifications:unfinished', 1, delivery.id));
    expect((await queue.findUnfinished(search)).found).toEqual([]);
  });
});

describe('while Redis is in trouble', () => {
  it('refuses within two seconds when Redis is away, and accepts again after its return', async () => {
    const queue = await startQueue();
    await redis.kill();
    await expect(queue.add(sampleNotification())).rejects.toThrow(QueueUnavailableError);
    expect(await queue.health()).toMatchObject({ reachable: false });
    await redis.restart();
    await vi.waitFor(async () => expect(await queue.add(sampleNotification())).toBe('accepted'), within);
  });

  it('refuses at once what comes beyond 2,000 unconfirmed notifications, and the others soon', async () => {
    const queue = await startQueue();
    redis.suspend();
    let answers: PromiseSettledResult<unknown>[];
    try {
      answers = await Promise.allSettled(Array.from({ length: 2500 }, () => queue.add(sampleNotification())));
    } finally {
      redis.resume();
    }
    const reasons = answers.map((answer) => (answer.status === 'rejected' ? String(answer.reason) : 'none'));
    expect(reasons.filter((reason) => reason.includes('2000 notifications yet to confirm'))).toHaveLength(
      500,
    );
    expect(reasons).not.toContain('none');
    await vi.waitFor(async () => expect(await queue.add(sampleNotification())).toBe('accepted'), within);
  });

  it('takes and settles with scripts that the server has forgotten', async () => {
    const queue = await startQueue();
    for (const id of ['one', 'two', 'three', 'four']) await queue.add(sampleNotification({ id }), KEY);
    const forget = () => raw((client) => client.script('FLUSH'));
    await forget();
    const [one, two, three] = (await take(queue, 3)) as [Delivery, Delivery, Delivery];
    await forget();
    await queue.settle(one, DONE);
    await forget();
    await queue.settle(two, { action: 'defer', delayMs: 60_000, progress: {} });
    await forget();
    expect((await queue.renew(three)).ticket.number).toBeGreaterThan(three.ticket.number);
    await forget();
    expect(await queue.counts()).toMatchObject({ waiting: 1, active: 1, delayed: 1 });
    await forget();
    expect(await queue.add(sampleNotification())).toBe('accepted');
  });

  it('adds again what Redis has lost while a worker had it', async () => {
    const queue = await startQueue();
    const sent = sampleNotification();
    await queue.add(sent, { ...KEY, expectedState: 'SHIPPED' });
    const delivery = await takeOne(queue);
    await redis.flush();
    await queue.settle(delivery, { action: 'defer', delayMs: 0, progress: {} });
    expect(await takeOne(queue)).toMatchObject({
      notification: sent,
      coalesceKey: 'order-1',
      expectedState: 'SHIPPED',
    });
  });

  it('lets no run of a lost key cover what was accepted under the new one', async () => {
    const queue = await startQueue();
    await queue.add(sampleNotification({ id: 'before' }), KEY);
    const running = await takeOne(queue);
    // A replica takes over that lacks the key, and whose clock is behind: its numbers are smaller.
    await redis.flush();
    await queue.add(sampleNotification({ id: 'after' }), KEY);
    const ahead = { number: running.ticket.number + 3_600_000_000 };
    await queue.settle(running, { ...DONE, coverage: ahead });
    expect((await takeOne(queue)).coverage).toBeUndefined();
  });
});

describe('notifications that arrive together', () => {
  /** Resolves when what came in this turn of the event loop has been sent. */
  const turn = () => new Promise((resolve) => setImmediate(() => setImmediate(resolve)));
  /** @returns how often the server ran a command. */
  const callsOf = (command: string): Promise<number> =>
    raw(async (client) => {
      const stats = await client.info('commandstats');
      return Number(new RegExp(`cmdstat_${command}:calls=(\\d+)`).exec(stats)?.[1] ?? 0);
    });

  it('are stored by a few scripts, in the order in which they came', async () => {
    const queue = await startQueue();
    await queue.add(sampleNotification({ id: 'loads the script' }), KEY);
    await takeOne(queue);
    const before = await callsOf('evalsha');
    const ids = Array.from({ length: 150 }, (_, index) => `n${index}`);
    const answers = await Promise.all(ids.map((id) => queue.add(sampleNotification({ id }), KEY)));
    expect(new Set(answers)).toEqual(new Set(['accepted']));
    expect((await callsOf('evalsha')) - before).toBe(3);
    const taken: Delivery[] = [];
    while (taken.length < ids.length) taken.push(...(await take(queue, ids.length)));
    const byNumber = taken.toSorted((a, b) => a.acceptedNumber - b.acceptedNumber);
    expect(byNumber.map(({ notification }) => notification.id)).toEqual(ids);
    expect(new Set(taken.map(({ acceptedNumber }) => acceptedNumber)).size).toBe(ids.length);
  });

  it('are refused and accepted separately: one that fails does not fail the others', async () => {
    const queue = await startQueue();
    await raw((client) => client.set('{fluent-connector}:order:broken', 'not a hash'));
    const add = (id: string, coalesceKey: string) => queue.add(sampleNotification({ id }), { coalesceKey });
    const sent = sampleNotification();
    const answers = await Promise.allSettled([
      add('before', 'order-1'),
      add('fails', 'broken'),
      add('after', 'order-2'),
      queue.add(sent),
      queue.add(sent),
    ]);
    expect(answers.map((answer) => (answer.status === 'fulfilled' ? answer.value : answer.reason))).toEqual([
      'accepted',
      expect.objectContaining({
        constructor: QueueUnavailableError,
        message: expect.stringContaining('WRONGTYPE'),
      }),
      'accepted',
      'accepted',
      'duplicate',
    ]);
    // What was refused has left nothing behind that would make its repetition a duplicate.
    await raw((client) => client.del('{fluent-connector}:order:broken'));
    expect(await add('fails', 'broken')).toBe('accepted');
    expect(await queue.counts()).toMatchObject({ waiting: 4 });
  });

  it('do not wait for the one before them to time out when Redis hangs', async () => {
    const queue = await startQueue();
    // The answer whether memory is left is a second old at most.
    await queue.add(sampleNotification());
    redis.suspend();
    const refused = (): Promise<void> =>
      expect(queue.add(sampleNotification())).rejects.toThrow(QueueUnavailableError);
    try {
      const first = refused();
      await turn();
      const later = Promise.all(Array.from({ length: 200 }, refused)).then(() => 'refused');
      await first;
      // Those that waited for the first would take as long once more. Timers of one process fire in their order.
      expect(await Promise.race([later, delay(FAIL_FAST_TIMEOUT_MS * 0.75, 'still waiting')])).toBe(
        'refused',
      );
    } finally {
      redis.resume();
    }
  });

  it('are confirmed by replicas together', async () => {
    // By default a master waits five seconds for more replicas before it sends its data.
    await raw((client) => client.config('SET', 'repl-diskless-sync-delay', '0'));
    await using replica = stoppable(
      await PrivateRedis.start({ args: ['--replicaof', '127.0.0.1', String(redis.port)] }),
    );
    const queue = await startQueue({ redisWaitReplicas: 1 });
    // A replica on a busy machine may not confirm in time.
    await vi.waitFor(async () => {
      const before = await callsOf('wait');
      const sent = Array.from({ length: 128 }, () => sampleNotification());
      const answers = await Promise.all(sent.map((notification) => queue.add(notification, KEY)));
      expect(new Set(answers)).toEqual(new Set(['accepted']));
      expect((await callsOf('wait')) - before).toBe(2);
    }, within);
    const copy = new Redis(replica.url);
    try {
      const lane = '{fluent-connector}:notifications:prompt:ACME';
      expect(await copy.llen(lane)).toBe(await raw((client) => client.llen(lane)));
    } finally {
      copy.disconnect();
    }
  });
});

describe('marks of finished notifications', () => {
  const LEVELS = '{fluent-connector}:finished';
  const FULL = 112;
  const now = () => Math.floor(Date.now() / 1000);
  const finish = async (queue: BullMessageQueue): Promise<Delivery> => {
    await queue.add(sampleNotification());
    const delivery = await takeOne(queue);
    await queue.settle(delivery, DONE);
    return delivery;
  };
  /** @returns a notification that runs, and the key of the hash in which level 2 would mark it. */
  const running = async (queue: BullMessageQueue): Promise<{ delivery: Delivery; key: string }> => {
    await queue.add(sampleNotification());
    const delivery = await takeOne(queue);
    return { delivery, key: `${LEVELS}:${hash('sha1', delivery.id).slice(0, 2)}` };
  };
  const fill = (key: string, ends: number, length = FULL): Promise<unknown> =>
    raw((client) => {
      const marks = Array.from({ length }, () => [randomBytes(8), String(ends)]).flat();
      return client.hset(key, ...marks);
    });

  it('outlive a restart of Redis', async () => {
    const queue = await startQueue();
    const { notification } = await finish(queue);
    await redis.restart();
    await vi.waitFor(async () => expect(await queue.add(notification)).toBe('duplicate'), within);
  });

  it('are gone from Redis about a minute after their windows', async () => {
    await finish(await startQueue());
    const keys = await raw((client) => client.keys(`${LEVELS}*`));
    expect(keys).toHaveLength(2);
    for (const key of keys) {
      const lifetime = await raw((client) => client.ttl(key));
      expect(lifetime).toBeGreaterThan(60);
      expect(lifetime).toBeLessThanOrEqual(60 + 2 * 60 + 1);
    }
  });

  it('are in hashes that last as long as the newest of their marks', async () => {
    const queue = await startQueue();
    const { delivery, key } = await running(queue);
    await fill(key, now() + 5, 3);
    await raw((client) => client.expire(key, 5));
    await queue.settle(delivery, DONE);
    expect(await raw((client) => client.ttl(key))).toBeGreaterThan(60);
  });

  it('are known to a cluster, also after their slot has moved to another master', async () => {
    const cluster = await PrivateCluster.start(LEVELS, { replicas: 0 });
    try {
      const queue = await startQueue({ redisUrl: cluster.url });
      const { notification } = await finish(queue);
      expect(await queue.add(notification)).toBe('duplicate');
      await cluster.moveSlot();
      await vi.waitFor(async () => expect(await queue.add(notification)).toBe('duplicate'), within);
    } finally {
      await cluster.stop();
    }
  });

  it('need less than 30 bytes each in a full hash, for it keeps its compact form', async () => {
    const queue = await startQueue();
    const { delivery, key } = await running(queue);
    await fill(key, now() + 60, FULL - 1);
    await queue.settle(delivery, DONE);
    expect(await raw((client) => client.hlen(key))).toBe(FULL);
    expect(await raw((client) => client.object('ENCODING', key))).toMatch(/listpack|ziplist/);
    expect((await raw((client) => client.memory('USAGE', key)))! / FULL).toBeLessThan(30);
  });

  it('go to a level with more hashes when theirs is full, and are found at both', async () => {
    const queue = await startQueue();
    const first = await finish(queue);
    const { delivery, key } = await running(queue);
    await fill(key, now() + 60);
    await queue.settle(delivery, DONE);
    expect(await raw((client) => client.hget(LEVELS, 'level'))).toBe('3');
    expect(await raw((client) => client.hlen(key))).toBe(FULL);
    for (const { notification } of [first, delivery, await finish(queue)]) {
      expect(await queue.add(notification)).toBe('duplicate');
    }
    expect(await queue.counts()).toMatchObject({ waiting: 0 });
  });

  it('take the place of those whose windows have ended', async () => {
    const queue = await startQueue();
    const { delivery, key } = await running(queue);
    await fill(key, now() - 1);
    await queue.settle(delivery, DONE);
    expect(await raw((client) => client.hlen(key))).toBe(1);
    expect(await raw((client) => client.hget(LEVELS, 'level'))).toBe('2');
    expect(await queue.add(delivery.notification)).toBe('duplicate');
  });

  it('go to a level with fewer hashes after a day, for there may be fewer of them', async () => {
    const queue = await startQueue();
    const dayAgo = now() - 86_400;
    await raw((client) => client.hset(LEVELS, { level: 4, since: dayAgo, 4: now() + 60 }));
    const finished = [await finish(queue), await finish(queue)];
    expect(await raw((client) => client.hget(LEVELS, 'level'))).toBe('3');
    for (const { notification } of finished) expect(await queue.add(notification)).toBe('duplicate');
  });

  it('of the version before are honoured', async () => {
    const queue = await startQueue();
    const { delivery } = await running(queue);
    await queue.settle(delivery, { action: 'dead', error: new Error('no'), progress: {} });
    expect(await queue.discard(delivery.id)).toBe(true);
    await raw((client) => client.set(`{fluent-connector}:done:${delivery.id}`, '1'));
    expect(await queue.add(delivery.notification)).toBe('duplicate');
  });
});

describe('a worker that died', () => {
  it('leaves its notification to another one, first in the line, and the death is counted', async () => {
    const queue = await startQueue({ lockDurationMs: 300 });
    await queue.add(sampleNotification({ id: 'held' }));
    const held = await takeOne(queue);
    await queue.add(sampleNotification({ id: 'waits' }));
    // What the end of its process does.
    await raw((client) => client.del(`{fluent-connector}:notifications:${held.id}:lock`));
    const other = await startQueue({ lockDurationMs: 300 });
    const seen: Delivery[] = [];
    while (!seen.some(({ notification: { id } }) => id === 'held')) seen.push(...(await take(other)));
    expect(seen.at(-1)).toMatchObject({ workerDeaths: 1 });
  });

  it('is distinguished from one that only takes long', async () => {
    const queue = await startQueue({ lockDurationMs: 300 });
    await queue.add(sampleNotification({ id: 'slow' }));
    const slow = await takeOne(queue);
    const lock = `{fluent-connector}:notifications:${slow.id}:lock`;
    const renewals: number[] = [];
    // Three times the lock's duration: without renewal it would have ended.
    await vi.waitFor(async () => {
      renewals.push(await raw((client) => client.pttl(lock)));
      expect(renewals.filter((ttl, index) => ttl > (renewals[index - 1] ?? Infinity)).length).toBe(6);
    }, within);
    expect(await queue.counts()).toMatchObject({ active: 1, waiting: 0 });
    await queue.settle(slow, DONE);
    expect(await queue.counts()).toMatchObject({ active: 0, waiting: 0 });
  });

  it.for(['settle', 'renew'] as const)(
    'and one whose call to %s fails leave the notification to another one alike',
    async (call) => {
      const queue = await startQueue({ lockDurationMs: 300 });
      await queue.add(sampleNotification(), KEY);
      const delivery = await takeOne(queue);
      const order = '{fluent-connector}:order:order-1';
      // A key of another type fails every script that reads it.
      await raw((client) => client.set(order, 'not a hash'));
      await expect(call === 'settle' ? queue.settle(delivery, DONE) : queue.renew(delivery)).rejects.toThrow(
        'WRONGTYPE',
      );
      await raw((client) => client.del(order));
      expect(await takeOne(queue)).toMatchObject({ id: delivery.id, workerDeaths: 1 });
    },
  );

  it('that end together are settled separately: one that fails does not fail the others', async () => {
    const queue = await startQueue({ lockDurationMs: 300 });
    for (const id of ['before', 'fails', 'after']) {
      await queue.add(sampleNotification({ id }), { coalesceKey: id });
    }
    const taken: Delivery[] = [];
    await vi.waitFor(async () => {
      taken.push(...(await queue.take(3, new AbortController().signal)));
      expect(taken).toHaveLength(3);
    }, within);
    await raw((client) => client.set('{fluent-connector}:order:fails', 'not a hash'));
    const ended = await Promise.allSettled(taken.map((delivery) => queue.settle(delivery, DONE)));
    const results = ended.map((one) => (one.status === 'fulfilled' ? one.value : String(one.reason)));
    expect(
      Object.fromEntries(taken.map(({ notification }, index) => [notification.id, results[index]])),
    ).toEqual({ before: 'settled', fails: expect.stringContaining('WRONGTYPE'), after: 'settled' });
    await raw((client) => client.del('{fluent-connector}:order:fails'));
    expect((await takeOne(queue)).notification.id).toBe('fails');
  });

  it('does not take back what another worker has by now, and its coverage still counts', async () => {
    const queue = await startQueue({ lockDurationMs: 300 });
    await queue.add(sampleNotification(), KEY);
    const first = await takeOne(queue);
    await raw((client) => client.set(`{fluent-connector}:notifications:${first.id}:lock`, 'another'));
    const coverage = { number: first.ticket.number };
    await queue.settle(first, { ...DONE, coverage });
    expect(await queue.counts()).toMatchObject({ active: 1 });
    await queue.add(sampleNotification({ id: 'next' }), KEY);
    expect((await takeOne(queue)).coverage).toEqual(coverage);
  });

  it('finishes what waits again for another worker, so that it does not run twice', async () => {
    const queue = await startQueue();
    await queue.add(sampleNotification());
    const delivery = await takeOne(queue);
    const prefix = '{fluent-connector}:notifications:';
    await raw((client) =>
      client
        .multi()
        .del(`${prefix}${delivery.id}:lock`)
        .lrem(`${prefix}active`, 1, delivery.id)
        .rpush(`${prefix}wait`, delivery.id)
        .exec(),
    );
    await queue.settle(delivery, DONE);
    expect(await queue.counts()).toEqual({
      waiting: 0,
      active: 0,
      delayed: 0,
      dead: 0,
      oldestUnfinishedAt: undefined,
    });
  });
});

describe('numbers', () => {
  it('increase strictly for a key when the clock of the server is set back', async () => {
    const queue = await startQueue();
    // A clock that ran an hour ahead has drawn this number.
    const ahead = (Date.now() + 3_600_000) * 1000;
    await raw((client) => client.hset('{fluent-connector}:order:order-1', { latest: ahead, epoch: 'e' }));
    await queue.add(sampleNotification(), KEY);
    const delivery = await takeOne(queue);
    expect(delivery.acceptedNumber).toBe(ahead + 1);
    expect(delivery.ticket).toEqual({ number: ahead + 2, epoch: 'e' });
  });
});

describe('jobs in Redis', () => {
  it('are Bull jobs, which Bull and its dashboards can read', async () => {
    const queue = await startQueue();
    await queue.add(sampleNotification({ id: 'waits' }));
    await queue.add(sampleNotification({ id: 'dies' }));
    const bull = open.at(-1)!.get<Queue>(getQueueToken(QUEUE_NAME));
    expect(await bull.getJobCounts()).toMatchObject({ active: 0 });
    const [waits] = await take(queue);
    const job = await bull.getJob(waits!.id);
    expect(job).toMatchObject({ name: 'order-status', data: { notification: { id: 'waits' } } });
    expect(await job?.getState()).toBe('active');
    await queue.settle(await takeOne(queue), {
      action: 'dead',
      error: new Error('no'),
      progress: { error: { name: 'Error', message: 'no' } },
    });
    expect(await bull.getFailed()).toMatchObject([{ failedReason: 'no' }]);
  });

  it('that an earlier version queued, without lanes, are delivered in each state', async () => {
    const prefix = '{fluent-connector}:notifications:';
    const ids = ['of-wait', 'of-active', 'of-delayed', 'of-failed'];
    await raw(async (client) => {
      for (const [index, id] of ids.entries()) {
        const data = JSON.stringify({ number: 1000 + index, notification: sampleNotification({ id }) });
        const fields = {
          name: 'order-status',
          data,
          opts: '{}',
          timestamp: 1,
          delay: 0,
          priority: 0,
          key: 'order-1',
        };
        await client.hset(prefix + id, fields);
        await client.zadd(`${prefix}unfinished`, 1, id);
      }
      await client.lpush(`${prefix}wait`, 'of-wait');
      await client.lpush(`${prefix}active`, 'of-active');
      await client.zadd(`${prefix}delayed`, (Date.now() - 1000) * 4096, 'of-delayed');
      await client.zadd(`${prefix}failed`, 1, 'of-failed');
    });
    const queue = await startQueue({ lockDurationMs: 300 });
    await queue.add(sampleNotification({ id: 'new' }));
    expect(await queue.replayAll()).toBe(1);
    const seen = new Set<string>();
    await vi.waitFor(async () => {
      for (const delivery of await queue.take(5, AbortSignal.timeout(1000))) {
        seen.add(delivery.notification.id);
        expect(delivery.coalesceKey).toBe(delivery.notification.id === 'new' ? undefined : 'order-1');
        // What comes again has a lane from now on.
        await queue.settle(delivery, { action: 'defer', delayMs: 60_000, progress: {} });
      }
      expect(seen).toEqual(new Set([...ids, 'new']));
    }, within);
    expect(await queue.counts()).toMatchObject({ waiting: 0, active: 0, delayed: 5, dead: 0 });
    expect(await raw((client) => client.hget(`${prefix}of-wait`, 'lane'))).toBe('prompt:ACME');
  });

  it('leave nothing behind in Redis when their lanes are empty', async () => {
    const queue = await startQueue();
    for (const accountId of ['A', 'B', 'C']) {
      for (const background of [true, false])
        await queue.add(sampleNotification({ accountId }), { background });
    }
    const taken: Delivery[] = [];
    while (taken.length < 6) taken.push(...(await take(queue, 6)));
    await Promise.all(taken.map((delivery) => queue.settle(delivery, DONE)));
    const keys = await raw((client) => client.keys('*'));
    expect(keys.filter((key) => /:(ring|prompt|background):|:active$|:unfinished$/.test(key))).toEqual([]);
  });

  it('that an older version left unfinished do not look old for ever', async () => {
    const queue = await startQueue();
    const unfinished = '{fluent-connector}:notifications:unfinished';
    await raw((client) => client.zadd(unfinished, 1, 'gone', 2, 'gone-too'));
    await queue.add(sampleNotification());
    expect((await queue.counts()).oldestUnfinishedAt?.getTime()).toBeGreaterThan(Date.now() - 60_000);
    expect(await raw((client) => client.zcard(unfinished))).toBe(1);
  });
});

describe('a Redis that another one takes over for', () => {
  /** An attempt that was not confirmed in time may have been stored all the same. */
  const accepted = async (queue: BullMessageQueue, id: string): Promise<void> => {
    await vi.waitFor(async () => {
      expect(await queue.add(sampleNotification({ id }))).toMatch(/accepted|duplicate/);
    }, within);
  };
  const takenIds = (queue: BullMessageQueue): string[] => {
    const ids: string[] = [];
    void (async () => {
      for (;;) {
        for (const delivery of await take(queue)) {
          ids.push(delivery.notification.id);
          await queue.settle(delivery, DONE);
        }
      }
    })().catch(() => undefined);
    return ids;
  };

  it('is left when it has become a replica', async () => {
    await using replica = stoppable(await PrivateRedis.start());
    await using proxy = await startTcpProxy(replica.port);
    const queue = await startQueue({ redisUrl: `redis://127.0.0.1:${proxy.port}` });
    const ids = takenIds(queue);
    await queue.add(sampleNotification({ id: 'before' }));
    await vi.waitFor(() => expect(ids).toEqual(['before']), within);
    proxy.target = redis.port;
    const admin = new Redis(replica.url);
    await admin.replicaof('127.0.0.1', String(redis.port));
    admin.disconnect();
    await accepted(queue, 'after');
    await vi.waitFor(() => expect(ids.at(-1)).toBe('after'), within);
  });

  it('is left when it is gone without a word', { timeout: 60_000 }, async () => {
    await using proxy = await startTcpProxy(redis.port);
    const queue = await startQueue({ redisUrl: `redis://127.0.0.1:${proxy.port}` });
    const ids = takenIds(queue);
    await queue.add(sampleNotification({ id: 'before' }));
    await vi.waitFor(() => expect(ids).toEqual(['before']), within);
    proxy.silence();
    await accepted(queue, 'after');
    await vi.waitFor(() => expect(ids.at(-1)).toBe('after'), { timeout: 40_000, interval: 100 });
  });
});

describe('a Redis that could lose notifications', () => {
  it('is warned of when it neither persists nor keeps what it has', async () => {
    const careless = await PrivateRedis.start({ aof: false, args: ['--maxmemory-policy', 'allkeys-lru'] });
    const careful = redis;
    redis = careless;
    try {
      const { warnings } = await (await startQueue()).health();
      expect(warnings.join('\n')).toMatch(/appendonly yes[^]*noeviction/);
    } finally {
      for (const module of open.splice(0)) await module.close();
      redis = careful;
      await careless.stop();
    }
    expect((await (await startQueue()).health()).warnings).toEqual([]);
  });
});

describe('a Redis whose memory is nearly used up', () => {
  it('refuses notifications and reports it, while workers still take and settle; then it accepts again', async () => {
    await using server = stoppable(await PrivateRedis.start({ aof: true }));
    const queue = await startQueue({ redisUrl: server.url });
    const waiting = sampleNotification();
    await queue.add(waiting);
    const client = new Redis(server.url);
    try {
      // Far more than what connections take and give back meanwhile.
      await client.setrange('ballast', 40_000_000, 'x');
      const used = Number(/used_memory:(\d+)/.exec(await client.info('memory'))?.[1]);
      await client.config('SET', 'maxmemory', Math.floor(used / 0.95));
      await vi.waitFor(
        () => expect(queue.add(sampleNotification())).rejects.toThrow(QueueUnavailableError),
        within,
      );
      const observer = await startQueue({ redisUrl: server.url });
      expect((await observer.health()).warnings).toEqual([expect.stringMatching(/of its maxmemory/)]);
      const [delivery] = await queue.take(1, new AbortController().signal);
      expect(delivery?.notification.id).toBe(waiting.id);
      await queue.settle(delivery!, { action: 'done', outcome: 'updated', lagMs: 0 });
      expect(await queue.counts()).toMatchObject({ active: 0, dead: 0 });
      await client.config('SET', 'maxmemory', 0);
      await vi.waitFor(async () => expect(await queue.add(sampleNotification())).toBe('accepted'), within);
    } finally {
      client.disconnect();
    }
  });
});
