import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { type ConnectorConfig, parseRedisUrl } from '../config/index.js';
import { RedisConnections } from '../redis/index.js';
import { PrivateRedis } from '../testing/index.js';
import { FileLoadState } from './file-load-state.js';
import type { LoadState } from './load-state.js';
import { MemoryLoadState } from './memory-load-state.js';
import { RedisLoadState } from './redis-load-state.js';

const DAY = { accountId: 'ACME', retailerId: '1', day: '2026-03-01' };
const SENT = { jobId: '1', batchId: 'b' };
const FINISHED = { ...SENT, done: { status: 'COMPLETE', failed: 0, failures: [] } };

let redis: PrivateRedis;
let folder: string;
const connections: RedisConnections[] = [];

beforeAll(async () => {
  redis = await PrivateRedis.start();
});
beforeEach(async () => {
  await redis.flush();
  folder = await mkdtemp(join(tmpdir(), 'load-state-'));
  return () => rm(folder, { recursive: true });
});
afterAll(async () => {
  for (const connection of connections) connection.onApplicationShutdown();
  await redis.stop();
});

function redisState(): LoadState {
  const connection = new RedisConnections({
    queue: { redis: parseRedisUrl(redis.url) },
  } as ConnectorConfig);
  connections.push(connection);
  return new RedisLoadState(connection);
}

let inMemory: LoadState;
beforeEach(() => {
  inMemory = new MemoryLoadState();
});

describe.each([
  ['Redis', redisState],
  ['a folder', () => new FileLoadState(join(folder, 'deep', 'state'))],
  // Only a load of the same process goes on.
  ['memory', () => inMemory],
])('loads remembered in %s', (_, open) => {
  it('survive a restart', async () => {
    const state = open();
    await expect(state.batch('stock', '0:a')).resolves.toBeUndefined();
    await state.setBatch('stock', '0:a', SENT);
    await state.setBatch('stock', '1:b', SENT);
    await state.setBatch('stock', '0:a', FINISHED);
    const restarted = open();
    await expect(restarted.batch('stock', '0:a')).resolves.toEqual(FINISHED);
    await expect(restarted.batch('stock', '1:b')).resolves.toEqual(SENT);
    await expect(restarted.batch('../stock', '0:a')).resolves.toBeUndefined();
    await restarted.forget('stock');
    await expect(state.batch('stock', '0:a')).resolves.toBeUndefined();
  });

  it('keep everything that is written at once', async () => {
    const state = open();
    await Promise.all(Array.from({ length: 20 }, (__, index) => state.setBatch('x', String(index), SENT)));
    const kept = await Promise.all(
      Array.from({ length: 20 }, (__, index) => open().batch('x', String(index))),
    );
    expect(kept).toEqual(Array.from({ length: 20 }, () => SENT));
  });

  it('have one job a day and retailer: the first one that was made', async () => {
    const state = open();
    await expect(state.job(DAY)).resolves.toBeUndefined();
    const jobs = await Promise.all([state.setJob(DAY, '1'), state.setJob(DAY, '2')]);
    expect(jobs).toEqual(['1', '1']);
    await expect(state.setJob({ ...DAY, retailerId: '2' }, '3')).resolves.toBe('3');
    await expect(open().job(DAY)).resolves.toBe('1');
  });

  it('replace a job that was closed, once', async () => {
    const state = open();
    await state.setJob(DAY, '1');
    await expect(state.setJob(DAY, '2', '1')).resolves.toBe('2');
    await expect(state.setJob(DAY, '3', '1')).resolves.toBe('2');
  });
});

it('leaves no drafts in the folder', async () => {
  const state = new FileLoadState(folder);
  await Promise.all([state.setBatch('x', '0', SENT), state.setJob(DAY, '1')]);
  expect((await readdir(folder)).filter((name) => !/^(jobs|load-[0-9a-f]{32})\.json$/.test(name))).toEqual(
    [],
  );
});
