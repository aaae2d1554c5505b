import { Test, type TestingModule } from '@nestjs/testing';
import { Global, Module } from '@nestjs/common';
import { Redis } from 'ioredis';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { ConnectorConfig } from '../src/config/index.js';
import { CircuitOpenError, ConfigurationError, PermanentError, TransientError } from '../src/errors.js';
import type { FluentNotification } from '../src/notification/index.js';
import {
  BullMessageQueue,
  QueueModule,
  QueueUnavailableError,
  type NotificationProcessor,
  type RunReport,
} from '../src/delivery/index.js';
import { RedisModule } from '../src/redis/index.js';
import { PrivateRedis } from '../src/testing/private-redis.js';
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
  retry?: Partial<ConnectorConfig['queue']['retry']>;
  lookAgainDelayMs?: number;
  lockDurationMs?: number;
  concurrency?: number;
  redisUrl?: string;
  redisWaitReplicas?: number;
}

async function startQueue(settings: QueueSettings = {}): Promise<BullMessageQueue> {
  const queue: ConnectorConfig['queue'] = {
    redisUrl: settings.redisUrl ?? redis.url,
    redisWaitReplicas: settings.redisWaitReplicas ?? 0,
    concurrency: settings.concurrency ?? 16,
    lockDurationMs: settings.lockDurationMs ?? 1000,
    dedupeWindowSeconds: 60,
    lookAgainDelayMs: settings.lookAgainDelayMs ?? 200,
    retry: { maxAgeSeconds: 60, baseDelayMs: 10, maxDelayMs: 50, ...settings.retry },
  };
  @Global()
  @Module({
    providers: [{ provide: ConnectorConfig, useValue: { queue } }],
    exports: [ConnectorConfig],
  })
  class Ground {}
  const module = await Test.createTestingModule({ imports: [Ground, RedisModule, QueueModule] }).compile();
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

let serial = 0;
function notification(fields: Partial<FluentNotification> = {}): FluentNotification {
  return {
    id: `id-${++serial}`,
    name: 'order-status',
    accountId: 'ACME',
    retailerId: '1',
    entityId: '123',
    entityRef: 'O_123',
    entityType: 'ORDER',
    ...fields,
  };
}

/** Starts processing and collects the reports. */
async function collect(queue: BullMessageQueue, processor: NotificationProcessor): Promise<RunReport[]> {
  const reports: RunReport[] = [];
  await queue.process(processor, (run) => reports.push(run));
  return reports;
}

const updated: NotificationProcessor = async () => ({ outcome: 'updated' });

describe('adding', () => {
  it('accepts an id once per account while it waits', async () => {
    const queue = await startQueue();
    const first = notification();
    expect(await queue.enqueue(first)).toBe('accepted');
    expect(await queue.enqueue(first)).toBe('duplicate');
    expect(await queue.enqueue({ ...first, accountId: 'OTHER' })).toBe('accepted');
    expect(await queue.counts()).toEqual({ waiting: 2, active: 0, delayed: 0, dead: 0 });
  });

  it('remembers an id after its work is done', async () => {
    const queue = await startQueue();
    const reports = await collect(queue, updated);
    const first = notification();
    await queue.enqueue(first);
    await vi.waitFor(async () => expect((await queue.counts()).active + reports.length).toBe(1), within);
    await vi.waitFor(() => expect(reports).toHaveLength(1), within);
    expect(await queue.enqueue(first)).toBe('duplicate');
  });

  it('answers exactly one of many simultaneous copies with accepted', async () => {
    const queue = await startQueue();
    const first = notification();
    const answers = await Promise.all(Array.from({ length: 50 }, () => queue.enqueue(first)));
    expect(answers.filter((answer) => answer === 'accepted')).toHaveLength(1);
    expect((await queue.counts()).waiting).toBe(1);
  });

  it.each(['wait', '1', ':lock', 'a:b', '\ud800', '{x}', 'ü'.repeat(200)])(
    'keeps %j apart from the keys of the queue',
    async (id) => {
      const queue = await startQueue();
      const seen: string[] = [];
      const reports = await collect(queue, async (received) => {
        seen.push(received.id);
        return { outcome: 'unchanged' };
      });
      expect(await queue.enqueue(notification({ id }))).toBe('accepted');
      await vi.waitFor(() => expect(reports).toHaveLength(1), within);
      expect(seen).toEqual([id]);
    },
  );

  it('hands the notification over as it came', async () => {
    const queue = await startQueue();
    const sent = notification({
      attributes: { TrackingNumber: 'T1', nested: [1.5, null, { ü: '€' }] },
      meta: {},
    });
    const received: FluentNotification[] = [];
    await collect(queue, async (each) => {
      received.push(each);
      return { outcome: 'updated' };
    });
    await queue.enqueue(sent);
    await vi.waitFor(() => expect(received).toEqual([sent]), within);
  });

  it('refuses within two seconds while Redis is away, and accepts again after its return', async () => {
    const queue = await startQueue();
    await redis.kill();
    const started = performance.now();
    await expect(queue.enqueue(notification())).rejects.toThrow(QueueUnavailableError);
    expect(performance.now() - started).toBeLessThan(2000);
    expect(await queue.health()).toMatchObject({ reachable: false });
    await redis.restart();
    await vi.waitFor(async () => expect(await queue.enqueue(notification())).toBe('accepted'), within);
  });

  it('refuses within two seconds while Redis hangs, with a bound on what waits', async () => {
    const queue = await startQueue();
    redis.suspend();
    try {
      const started = performance.now();
      const answers = await Promise.allSettled(
        Array.from({ length: 5000 }, () => queue.enqueue(notification())),
      );
      expect(performance.now() - started).toBeLessThan(2500);
      expect(answers.every((answer) => answer.status === 'rejected')).toBe(true);
    } finally {
      redis.resume();
    }
    await vi.waitFor(async () => expect(await queue.enqueue(notification())).toBe('accepted'), within);
  });
});

describe('running', () => {
  it('retries a transient error with jitter until it succeeds, and counts the attempts', async () => {
    const queue = await startQueue();
    const attempts: number[] = [];
    const reports = await collect(queue, async (_, { attempt }) => {
      attempts.push(attempt);
      if (attempt < 4) throw new TransientError('busy');
      return { outcome: 'updated' };
    });
    await queue.enqueue(notification());
    await vi.waitFor(() => expect(reports.at(-1)?.outcome).toBe('updated'), within);
    expect(attempts).toEqual([1, 2, 3, 4]);
    expect(reports.map((run) => run.outcome)).toEqual(['retried', 'retried', 'retried', 'updated']);
  });

  it.each([new ConfigurationError('setting missing'), new Error('a bug'), 'a thrown string'])(
    'retries %s like a transient error',
    async (error) => {
      const queue = await startQueue();
      const reports = await collect(queue, async (_, { attempt }) => {
        // eslint-disable-next-line no-throw-literal -- partners may
        if (attempt === 1) throw error;
        return { outcome: 'updated' };
      });
      await queue.enqueue(notification());
      await vi.waitFor(
        () => expect(reports.map((run) => run.outcome)).toEqual(['retried', 'updated']),
        within,
      );
    },
  );

  it('makes a permanent error a dead letter at once, which can be listed, shown and replayed', async () => {
    const queue = await startQueue();
    let broken = true;
    const reports = await collect(queue, async () => {
      if (broken) throw new PermanentError('order of another retailer');
      return { outcome: 'updated' };
    });
    const sent = notification();
    await queue.enqueue(sent);
    await vi.waitFor(async () => expect((await queue.counts()).dead).toBe(1), within);
    expect(reports.map((run) => run.outcome)).toEqual(['dead']);

    const [letter] = await queue.deadLetters();
    expect(letter).toMatchObject({
      notification: sent,
      error: { name: 'PermanentError', message: 'order of another retailer' },
      attempts: 1,
    });
    expect(await queue.deadLetter(letter!.id)).toEqual(letter);
    expect(await queue.deadLetter('unknown')).toBeUndefined();
    expect(await queue.replay('unknown')).toBe(false);

    broken = false;
    expect(await queue.replay(letter!.id)).toBe(true);
    await vi.waitFor(() => expect(reports.at(-1)?.outcome).toBe('updated'), within);
    await vi.waitFor(async () => expect((await queue.counts()).dead).toBe(0), within);
  });

  it('takes a redelivery of a dead letter as a reason to try it again', async () => {
    const queue = await startQueue();
    let broken = true;
    const reports = await collect(queue, async () => {
      if (broken) throw new PermanentError('no');
      return { outcome: 'updated' };
    });
    const sent = notification();
    await queue.enqueue(sent);
    await vi.waitFor(async () => expect((await queue.counts()).dead).toBe(1), within);
    broken = false;
    expect(await queue.enqueue(sent)).toBe('accepted');
    await vi.waitFor(() => expect(reports.at(-1)?.outcome).toBe('updated'), within);
  });

  it('replays all dead letters', async () => {
    const queue = await startQueue();
    let broken = true;
    await collect(queue, async () => {
      if (broken) throw new PermanentError('no');
      return { outcome: 'updated' };
    });
    for (let i = 0; i < 5; i++) await queue.enqueue(notification());
    await vi.waitFor(async () => expect((await queue.counts()).dead).toBe(5), within);
    broken = false;
    expect(await queue.replayAll()).toBe(5);
    await vi.waitFor(
      async () => expect(await queue.counts()).toEqual({ waiting: 0, active: 0, delayed: 0, dead: 0 }),
      within,
    );
  });

  it('gives up after the retry age, and a replay has a fresh one', async () => {
    const queue = await startQueue({ retry: { maxAgeSeconds: 0.3 } });
    const reports = await collect(queue, async () => {
      throw new TransientError('busy');
    });
    await queue.enqueue(notification());
    await vi.waitFor(async () => expect((await queue.counts()).dead).toBe(1), within);
    const runs = reports.length;
    expect(runs).toBeGreaterThan(2);
    await queue.replayAll();
    await vi.waitFor(() => expect(reports.slice(runs).map((run) => run.outcome)).toContain('dead'), within);
    expect(reports.slice(runs).map((run) => run.outcome)).toContain('retried');
  });

  it('holds back behind an open circuit without using up attempts', async () => {
    const queue = await startQueue();
    let holds = 3;
    const reports = await collect(queue, async () => {
      if (holds-- > 0) throw new CircuitOpenError('commercetools:shop', 10);
      return { outcome: 'updated' };
    });
    await queue.enqueue(notification());
    await vi.waitFor(() => expect(reports.at(-1)?.outcome).toBe('updated'), within);
    expect(reports.map((run) => run.attempt)).toEqual([1, 1, 1, 1]);
  });
});

describe('coalescing', () => {
  it('needs one run for the notifications of one order that wait together', async () => {
    const queue = await startQueue();
    for (let i = 0; i < 10; i++) await queue.enqueue(notification(), { coalesceKey: 'order-1' });
    let runs = 0;
    const reports = await collect(queue, async () => {
      runs++;
      return { outcome: 'updated' };
    });
    await vi.waitFor(() => expect(reports).toHaveLength(10), within);
    expect(runs).toBe(1);
    expect(reports.filter((run) => run.outcome === 'superseded')).toHaveLength(9);
  });

  it('runs a notification that was accepted after the run began', async () => {
    const queue = await startQueue();
    let runs = 0;
    const reports = await collect(queue, async () => {
      runs++;
      // Accepted while this run is under way: its reads may be older than the notification.
      if (runs === 1) await queue.enqueue(notification({ id: 'late' }), { coalesceKey: 'order-1' });
      return { outcome: 'updated' };
    });
    await queue.enqueue(notification({ id: 'early' }), { coalesceKey: 'order-1' });
    await vi.waitFor(() => expect(reports).toHaveLength(2), within);
    expect(runs).toBe(2);
    expect(reports.map((run) => run.outcome)).toEqual(['updated', 'updated']);
  });

  it('does not count a run that failed as cover', async () => {
    const queue = await startQueue();
    let runs = 0;
    await queue.enqueue(notification({ id: 'a1' }), { coalesceKey: 'order-1' });
    await queue.enqueue(notification({ id: 'a2' }), { coalesceKey: 'order-1' });
    const reports = await collect(queue, async () => {
      if (++runs === 1) throw new PermanentError('no');
      return { outcome: 'updated' };
    });
    await vi.waitFor(() => expect(reports).toHaveLength(2), within);
    expect(reports.map((run) => run.outcome).sort()).toEqual(['dead', 'updated']);
  });

  it('does not count a run that says that it covers nothing', async () => {
    const queue = await startQueue();
    for (const id of ['a1', 'a2']) await queue.enqueue(notification({ id }), { coalesceKey: 'order-1' });
    let runs = 0;
    const reports = await collect(queue, async () => ({ outcome: 'unchanged', covers: ++runs > 1 }));
    await vi.waitFor(() => expect(reports).toHaveLength(2), within);
    expect(reports.map((run) => run.outcome)).toEqual(['unchanged', 'unchanged']);
    expect(await queue.enqueue(notification({ id: 'a1' }), { coalesceKey: 'order-1' })).toBe('duplicate');
  });

  it('keeps other orders apart', async () => {
    const queue = await startQueue();
    for (const key of ['a', 'b', 'c']) await queue.enqueue(notification(), { coalesceKey: key });
    const reports = await collect(queue, updated);
    await vi.waitFor(
      () => expect(reports.map((run) => run.outcome)).toEqual(Array(3).fill('updated')),
      within,
    );
  });

  it('looks once more when the order did not have the announced state', async () => {
    const queue = await startQueue();
    const looks: number[] = [];
    const reports = await collect(queue, async () => {
      looks.push(performance.now());
      return looks.length === 1
        ? { outcome: 'unchanged', saw: 'BOOKED' }
        : { outcome: 'updated', saw: 'SHIPPED' };
    });
    await queue.enqueue(notification(), { coalesceKey: 'order-1', announces: 'SHIPPED' });
    await vi.waitFor(() => expect(reports).toHaveLength(1), within);
    expect(reports[0]).toMatchObject({ outcome: 'updated' });
    expect(looks).toHaveLength(2);
    expect(looks[1]! - looks[0]!).toBeGreaterThan(150);
  });

  it('is content with the second look, whatever it sees, and reports the first one', async () => {
    const queue = await startQueue();
    let looks = 0;
    const reports = await collect(queue, async () => {
      return { outcome: ++looks === 1 ? 'updated' : 'unchanged', saw: 'BOOKED' };
    });
    await queue.enqueue(notification(), { coalesceKey: 'order-1', announces: 'SHIPPED' });
    await vi.waitFor(() => expect(reports.map((run) => run.outcome)).toEqual(['updated']), within);
    expect(looks).toBe(2);
    expect(reports[0]!.lagMs).toBeLessThan(150);
  });

  it('does not let an overtaking notification be superseded by a run that saw an older state', async () => {
    const queue = await startQueue();
    await queue.enqueue(notification({ id: 'booked' }), { coalesceKey: 'order-1', announces: 'BOOKED' });
    await queue.enqueue(notification({ id: 'shipped' }), { coalesceKey: 'order-1', announces: 'SHIPPED' });
    const saw = ['BOOKED', 'SHIPPED'];
    let runs = 0;
    const reports = await collect(queue, async () => ({ outcome: 'updated', saw: saw[runs++] }));
    await vi.waitFor(() => expect(reports).toHaveLength(2), within);
    expect(runs).toBe(2);
  });

  it('needs one more run, not ten, for a burst that announces states the order has left', async () => {
    const queue = await startQueue({ lookAgainDelayMs: 500 });
    for (let i = 0; i < 10; i++) {
      await queue.enqueue(notification(), { coalesceKey: 'order-1', announces: `STEP_${i}` });
    }
    let runs = 0;
    const reports = await collect(queue, async () => ({
      outcome: ++runs === 1 ? 'updated' : 'unchanged',
      saw: 'STEP_9',
    }));
    await vi.waitFor(() => expect(reports).toHaveLength(10), within);
    expect(runs).toBeLessThanOrEqual(3);
  });
});

describe('a Redis that another one takes over for', () => {
  /** A try that was not confirmed in time may have been stored all the same. */
  const accepted = async (queue: BullMessageQueue, id: string): Promise<void> => {
    await vi.waitFor(async () => {
      expect(await queue.enqueue(notification({ id }))).toMatch(/accepted|duplicate/);
    }, within);
  };

  it('is left when it has become a replica', async () => {
    await using replica = stoppable(await PrivateRedis.start());
    await using proxy = await startTcpProxy(replica.port);
    const queue = await startQueue({ redisUrl: `redis://127.0.0.1:${proxy.port}` });
    const reports = await collect(queue, updated);
    await queue.enqueue(notification());
    await vi.waitFor(() => expect(reports).toHaveLength(1), within);
    proxy.target = redis.port;
    const admin = new Redis(replica.url);
    await admin.replicaof('127.0.0.1', String(redis.port));
    admin.disconnect();
    await accepted(queue, 'after');
    await vi.waitFor(() => expect(reports.at(-1)?.notification.id).toBe('after'), within);
  });

  it('is left when it is gone without a word', { timeout: 60_000 }, async () => {
    await using proxy = await startTcpProxy(redis.port);
    const queue = await startQueue({ redisUrl: `redis://127.0.0.1:${proxy.port}` });
    const reports = await collect(queue, updated);
    await queue.enqueue(notification());
    await vi.waitFor(() => expect(reports).toHaveLength(1), within);
    proxy.silence();
    await accepted(queue, 'after');
    const patience = { timeout: 40_000, interval: 100 };
    await vi.waitFor(() => expect(reports.at(-1)?.notification.id).toBe('after'), patience);
  });
});

describe('stopping and dying', () => {
  it('finishes running work before it stops, and takes nothing new', async () => {
    const queue = await startQueue({ concurrency: 1 });
    let finish: () => void = () => undefined;
    const held = new Promise<void>((resolve) => (finish = resolve));
    const reports = await collect(queue, async () => {
      await held;
      return { outcome: 'updated' };
    });
    await queue.enqueue(notification());
    await vi.waitFor(async () => expect((await queue.counts()).active).toBe(1), within);
    const drained = queue.drain(10_000);
    await queue.enqueue(notification());
    finish();
    await drained;
    expect(reports).toHaveLength(1);
    expect((await queue.counts()).waiting).toBe(1);
  });

  it('hands work back that does not end in time, and another worker takes it over', async () => {
    const first = await startQueue();
    await collect(
      first,
      (_, { signal }) =>
        new Promise((_resolve, reject) => {
          signal.addEventListener('abort', () => reject(signal.reason as Error));
        }),
    );
    await first.enqueue(notification());
    await vi.waitFor(async () => expect((await first.counts()).active).toBe(1), within);
    await first.drain(50);
    const reports = await collect(await startQueue(), updated);
    await vi.waitFor(
      () => expect(reports.map((run) => [run.outcome, run.attempt])).toEqual([['updated', 1]]),
      within,
    );
  });

  it('warns when Redis neither persists nor keeps what it has', async () => {
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
