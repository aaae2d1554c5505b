import { Test, type TestingModule } from '@nestjs/testing';
import { Redis } from 'ioredis';
import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { COMPLETE_ENVIRONMENT } from '../../test/support/complete-environment.js';
import { ConfigModule } from '../config/index.js';
import { REDIS_PREFIX, RedisModule } from '../redis/index.js';
import { PrivateRedis } from '../testing/private-redis.js';
import { SyncedUpdates } from './synced-updates.js';

const AT = '2026-01-02T03:04:05.678Z';
const UPDATE = { id: '1', updatedOn: AT, status: 'BOOKED' };

let redis: PrivateRedis;
let client: Redis;
let started: TestingModule[];

beforeAll(async () => {
  redis = await PrivateRedis.start({ aof: false });
  client = new Redis(redis.url);
  started = [];
});
afterAll(async () => {
  await Promise.all(started.map((each) => each.close()));
  client.disconnect();
  await redis.stop();
});
beforeEach(() => client.flushall());

async function start(environment: Record<string, string> = {}): Promise<SyncedUpdates> {
  const module = await Test.createTestingModule({
    imports: [
      ConfigModule.register({ ...COMPLETE_ENVIRONMENT, REDIS_URL: redis.url, ...environment }),
      RedisModule,
    ],
    providers: [SyncedUpdates],
  }).compile();
  started.push(await module.init());
  const updates = module.get(SyncedUpdates);
  // The first command of a connection that fails fast is refused until it is connected.
  await vi.waitFor(() => updates.isSynced('ACME', UPDATE), 10_000);
  return updates;
}

describe('SyncedUpdates', () => {
  it('knows the update that was noted, in every replica, for DEDUPE_WINDOW', async () => {
    const [one, other] = [await start({ DEDUPE_WINDOW: '7000' }), await start()];
    expect(await other.isSynced('ACME', UPDATE)).toBe(false);
    await one.note('ACME', UPDATE);
    expect(await other.isSynced('ACME', UPDATE)).toBe(true);
    const [key = ''] = await client.keys(`${REDIS_PREFIX}:done:*`);
    const lifeSeconds = await client.ttl(key);
    expect(lifeSeconds).toBeGreaterThan(6000);
    expect(lifeSeconds).toBeLessThanOrEqual(7000);
  });

  it('lets a sync go on when Redis does not take the note', async () => {
    const updates = await start();
    await client.set(`${REDIS_PREFIX}:done:other`, '1');
    await client.config('SET', 'maxmemory', '1');
    try {
      await expect(updates.note('ACME', UPDATE)).resolves.toBeUndefined();
    } finally {
      await client.config('SET', 'maxmemory', '0');
    }
    expect(await updates.isSynced('ACME', UPDATE)).toBe(false);
  });
});
