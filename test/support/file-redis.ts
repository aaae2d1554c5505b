import { afterAll, beforeAll } from 'vitest';
import { PrivateRedis } from '../../src/testing/index.js';

/** Starts one Redis server for the test connectors of a file. Each of them takes a database of it. */
export function shareRedis(): void {
  const before = process.env['REDIS_URL'];
  let redis: PrivateRedis;
  beforeAll(async () => {
    redis = await PrivateRedis.start({ aof: false });
    process.env['REDIS_URL'] = redis.url;
  });
  afterAll(async () => {
    if (before === undefined) delete process.env['REDIS_URL'];
    else process.env['REDIS_URL'] = before;
    await redis.stop();
  });
}
