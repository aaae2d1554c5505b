import { Redis } from 'ioredis';
import { PrivateRedis, type ProvidedRedis } from './private-redis.js';

/** Redis' default number of databases. Database 0 stays free for other users of the server. */
const DATABASES = Array.from({ length: 15 }, (_, index) => index + 1);
/** Atomic, so parallel test files never claim the same database. */
const CLAIM = "if redis.call('dbsize') > 0 then return 0 end redis.call('set', KEYS[1], '1') return 1";

/**
 * A Redis without other notifications: a private server, or an empty database of the server at `url`, which the test
 * kit empties again at the end.
 *
 * @throws Error when the server at `url` has no empty database. The test kit never removes existing data.
 */
export async function provideTestRedis(url: string | undefined): Promise<ProvidedRedis> {
  // What a test writes need not survive it.
  if (!url) return PrivateRedis.start({ aof: false });
  const named = /^\/\d+$/.test(new URL(url).pathname);
  const client = new Redis(url, { maxRetriesPerRequest: 1, retryStrategy: () => null });
  // Reported by the command that fails.
  client.on('error', () => undefined);
  try {
    for (const database of named ? [Number(new URL(url).pathname.slice(1))] : DATABASES) {
      await client.select(database);
      if (!(await client.eval(CLAIM, 1, 'fluent-connector-test'))) continue;
      const claimed = new URL(url);
      claimed.pathname = `/${database}`;
      return {
        url: claimed.href,
        stop: async () => {
          await client.flushdb();
          client.disconnect();
        },
      };
    }
  } catch (error) {
    client.disconnect();
    throw new Error(`REDIS_URL cannot be used for tests: ${(error as Error).message}`, { cause: error });
  }
  client.disconnect();
  throw new Error(
    `REDIS_URL has no empty database for a test connector (${named ? 'it names one that is in use' : '1 to 15 are in use'}); ` +
      'empty one with FLUSHDB, or unset REDIS_URL so that a private server is started',
  );
}
