import { Test, type TestingModule } from '@nestjs/testing';
import { Redis } from 'ioredis';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { COMPLETE_ENVIRONMENT } from '../../test/support/complete-environment.js';
import { ConfigModule } from '../config/index.js';
import { REDIS_PREFIX, RedisModule } from '../redis/index.js';
import { PrivateRedis } from '../testing/private-redis.js';
import { RedisReconciliationState } from './redis-reconciliation-state.js';

const INTERVAL_MS = 300_000;
const LOCK = `${REDIS_PREFIX}:reconciliation:lock`;
/** How often the state renews its lock. */
const RENEWAL_MS = 15_000;

let redis: PrivateRedis;
let client: Redis;
let replicas: readonly TestingModule[];
let first: RedisReconciliationState;
let second: RedisReconciliationState;

beforeAll(async () => {
  redis = await PrivateRedis.start({ aof: false });
  client = new Redis(redis.url);
  replicas = await Promise.all([startReplica(), startReplica()]);
  [first, second] = replicas.map((replica) => replica.get(RedisReconciliationState)) as [
    RedisReconciliationState,
    RedisReconciliationState,
  ];
  // The first command of a connection that fails fast is refused until it is connected.
  for (const state of [first, second]) {
    await vi.waitFor(() => state.watermark('ACME'), 10_000);
  }
});
afterAll(async () => {
  await Promise.all(replicas.map((replica) => replica.close()));
  client.disconnect();
  await redis.stop();
});
beforeEach(async () => {
  await client.flushall();
  // Redis keeps its own time, and the connections to it keep their time-outs.
  vi.useFakeTimers({ toFake: ['Date', 'setInterval', 'clearInterval'] });
});
afterEach(() => vi.useRealTimers());

async function startReplica(): Promise<TestingModule> {
  const replica = await Test.createTestingModule({
    imports: [ConfigModule.register({ ...COMPLETE_ENVIRONMENT, REDIS_URL: redis.url }), RedisModule],
    providers: [RedisReconciliationState],
  }).compile();
  return replica.init();
}

/** A look that goes on until the test ends it. */
function openLook() {
  let begin: (signal: AbortSignal) => void;
  let end: () => void;
  let fail: (error: unknown) => void;
  const begun = new Promise<AbortSignal>((resolve) => (begin = resolve));
  const over = new Promise<void>((resolve, reject) => {
    end = resolve;
    fail = reject;
  });
  const look = (signal: AbortSignal): Promise<void> => {
    begin(signal);
    return over;
  };
  return { look, begun, end: () => end(), fail: (error: unknown) => fail(error) };
}

type Look = (signal: AbortSignal) => Promise<void>;
const nothing: Look = () => Promise.resolve();

describe('the lock', () => {
  it('lets no second replica look while the first one looks, however long that takes', async () => {
    const { look, begun, end } = openLook();
    const turn = first.takeTurn(INTERVAL_MS, look);
    await begun;
    const lookOfSecond = vi.fn<Look>(nothing);
    expect(await second.takeTurn(INTERVAL_MS, lookOfSecond)).toBe(false);
    vi.setSystemTime(Date.now() + 10 * INTERVAL_MS);
    expect(await second.takeTurn(INTERVAL_MS, lookOfSecond)).toBe(false);
    expect(lookOfSecond).not.toHaveBeenCalled();
    end();
    expect(await turn).toBe(true);
  });

  it('gives the turn to exactly one of many that ask at once', async () => {
    const look = vi.fn<Look>(nothing);
    const turns = await Promise.all(
      Array.from({ length: 20 }, (_, index) => [first, second][index % 2]!.takeTurn(INTERVAL_MS, look)),
    );
    expect(turns.filter(Boolean)).toHaveLength(1);
    expect(look).toHaveBeenCalledTimes(1);
  });

  it('is released after a look that failed, so that another replica can look at once', async () => {
    const failing = first.takeTurn(INTERVAL_MS, () => Promise.reject(new Error('Fluent is away')));
    await expect(failing).rejects.toThrow('Fluent is away');
    expect(await second.takeTurn(INTERVAL_MS, nothing)).toBe(true);
  });

  it('is renewed during a look', async () => {
    const { look, begun, end } = openLook();
    const turn = first.takeTurn(INTERVAL_MS, look);
    await begun;
    await client.pexpire(LOCK, 20_000);
    vi.advanceTimersByTime(RENEWAL_MS);
    await vi.waitFor(async () => expect(await client.pttl(LOCK)).toBeGreaterThan(20_000), 10_000);
    end();
    await turn;
  });

  it('ends a look that has lost it to another replica, and leaves it to that replica', async () => {
    const { look, begun, fail } = openLook();
    const turn = first.takeTurn(INTERVAL_MS, look);
    const signal = await begun;
    await client.set(LOCK, 'another replica');
    vi.advanceTimersByTime(RENEWAL_MS);
    await vi.waitFor(() => expect(signal.aborted).toBe(true), 10_000);
    fail(signal.reason);
    await expect(turn).rejects.toThrow('another replica has taken the turn');
    expect(await client.get(LOCK)).toBe('another replica');
  });

  it('expires by itself when its replica dies', async () => {
    const { look, begun, end } = openLook();
    const turn = first.takeTurn(INTERVAL_MS, look);
    await begun;
    const leftMs = await client.pttl(LOCK);
    expect(leftMs).toBeGreaterThan(0);
    expect(leftMs).toBeLessThanOrEqual(4 * RENEWAL_MS);
    end();
    await turn;
  });
});

describe('the interval', () => {
  it('lets a replica look again only after the interval, whichever replica looked last', async () => {
    expect(await first.takeTurn(INTERVAL_MS, nothing)).toBe(true);
    vi.setSystemTime(Date.now() + INTERVAL_MS - 1);
    const early = vi.fn<Look>(nothing);
    expect(await first.takeTurn(INTERVAL_MS, early)).toBe(false);
    expect(await second.takeTurn(INTERVAL_MS, early)).toBe(false);
    expect(early).not.toHaveBeenCalled();
    vi.setSystemTime(Date.now() + 1);
    expect(await second.takeTurn(INTERVAL_MS, nothing)).toBe(true);
    expect(await first.takeTurn(INTERVAL_MS, nothing)).toBe(false);
  });

  it('begins when a look begins', async () => {
    await first.takeTurn(INTERVAL_MS, async () => {
      vi.setSystemTime(Date.now() + INTERVAL_MS / 2);
    });
    vi.setSystemTime(Date.now() + INTERVAL_MS / 2);
    expect(await second.takeTurn(INTERVAL_MS, nothing)).toBe(true);
  });

  it('does not keep anybody from looking after a clock that ran ahead was corrected', async () => {
    await first.takeTurn(INTERVAL_MS, nothing);
    vi.setSystemTime(Date.now() - 86_400_000);
    expect(await second.takeTurn(INTERVAL_MS, nothing)).toBe(true);
  });
});

describe('the watermark', () => {
  it('is kept for each account and shared by all replicas', async () => {
    const watermark = { seenUntil: new Date('2026-01-02T03:04:05.678Z'), reachedAt: new Date(0) };
    expect(await first.watermark('ACME')).toBeUndefined();
    await first.setWatermark('ACME', watermark);
    expect(await second.watermark('ACME')).toEqual(watermark);
    expect(await second.watermark('OTHER')).toBeUndefined();
  });
});

describe('the age of a look', () => {
  it('runs from the first question until a look was complete, for each account, in all replicas', async () => {
    expect(await first.agesMs(['ACME', 'OTHER'])).toEqual(
      new Map([
        ['ACME', 0],
        ['OTHER', 0],
      ]),
    );
    vi.setSystemTime(Date.now() + 5000);
    await second.setLookedAt('ACME', new Date(Date.now() - 1000));
    expect(await first.agesMs(['ACME', 'OTHER'])).toEqual(
      new Map([
        ['ACME', 1000],
        ['OTHER', 5000],
      ]),
    );
  });
});
