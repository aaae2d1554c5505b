import { Redis } from 'ioredis';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { PrivateRedis } from '../testing/private-redis.js';
import type { ExpiringKeys } from './expiring-keys.js';
import { MemoryExpiringKeys } from './memory-expiring-keys.js';
import { RedisExpiringKeys } from './redis-expiring-keys.js';

let redis: PrivateRedis;
let client: Redis;
beforeAll(async () => {
  redis = await PrivateRedis.start({ aof: false });
  client = new Redis(redis.url);
});
afterAll(async () => {
  client.disconnect();
  await redis.stop();
});

describe.each<[string, () => ExpiringKeys]>([
  ['Redis', () => new RedisExpiringKeys(client)],
  ['memory', () => new MemoryExpiringKeys()],
])('keys in %s', (name, open) => {
  it('return what was set last', async () => {
    const keys = open();
    expect(await keys.get('set')).toBeUndefined();
    await keys.set('set', 'one', 60);
    await keys.set('set', 'two', 60);
    expect(await keys.get('set')).toBe('two');
    expect(await keys.get('other')).toBeUndefined();
  });

  it('are claimed by the first value, and again by the same value', async () => {
    const keys = open();
    expect(await Promise.all([keys.claim('claim', 'a', 60), keys.claim('claim', 'b', 60)])).toEqual([
      undefined,
      'a',
    ]);
    expect(await keys.claim('claim', 'a', 60)).toBeUndefined();
    expect(await keys.get('claim')).toBe('a');
  });

  it('expire', async () => {
    const keys = open();
    await keys.set(`short-${name}`, 'one', 1);
    await keys.claim(`claimed-${name}`, 'one', 1);
    await vi.waitFor(async () => expect(await keys.get(`short-${name}`)).toBeUndefined(), 20_000);
    await vi.waitFor(
      async () => expect(await keys.claim(`claimed-${name}`, 'two', 60)).toBeUndefined(),
      20_000,
    );
  });
});

it('claims that come together share one call to Redis', async () => {
  const keys = new RedisExpiringKeys(client);
  const callsOfScripts = async (): Promise<number> =>
    Number(/cmdstat_evalsha:calls=(\d+)/.exec(await client.info('commandstats'))?.[1]);
  await keys.claim('loads the script', 'a', 60);
  await keys.claim('taken', 'theirs', 60);
  const before = await callsOfScripts();
  const claimed = ['one', 'taken', 'two'].map((key) => keys.claim(key, 'mine', 60));
  expect(await Promise.all(claimed)).toEqual([undefined, 'theirs', undefined]);
  expect((await callsOfScripts()) - before).toBe(1);
});
