import { Redis } from 'ioredis';
import { PrivateRedis, type ProvidedRedis } from './private-redis.js';

/** Redis' own default number of databases; database 0 is left to whatever else uses the server. */
const DATABASES = Array.from({ length: 15 }, (_, index) => index + 1);
/** Atomic, so that test files that run in parallel never claim the same one. */
const CLAIM = "if redis.call('dbsize') > 0 then return 0 end redis.call('set', KEYS[1], '1') return 1";

/**
 * A Redis that nobody else's notifications are in: a private server, or an empty database of the one that
 * `url` names, which is emptied again at the end.
 *
 * @throws Error when `url` has no empty database left; nothing that is in one is ever removed.
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
