// npm run bench [ingest] [attacks] [work] [memory] [redis-memory] [history] [stories]: each beside its baseline in one run, as a table.
import { cpus } from 'node:os';
import { PrivateRedis, generateWebhookKeys } from '../src/testing/index.js';
import { Child } from './child.js';
import { benchAttacks } from './attacks.js';
import { benchHistory } from './history.js';
import { benchIngest } from './ingest.js';
import { benchMemory } from './memory.js';
import { benchRedisMemory } from './redis-memory.js';
import { benchStories } from './stories.js';
import { benchWork } from './work.js';

const LATENCY_MS = 20;
/** Beyond the orders that the work benchmark uses. */
const MEMORY_ORDERS_FROM = 1_000_000;
const REDIS_MEMORY_ORDERS_FROM = 2_000_000;

const wanted = process.argv.slice(2);
const runs = (name: string): boolean => wanted.length === 0 || wanted.includes(name);

const redis = await PrivateRedis.start({ args: ['--appendfsync', 'everysec'] });
const keys = generateWebhookKeys();
const { child: emulators, ready } = await Child.start<Record<string, string>>('emulators.child.ts', {
  PUBLIC_KEY: keys.publicKey,
});
const environment = { ...ready, REDIS_URL: redis.url, NODE_ENV: 'production', RECONCILE_INTERVAL: '0' };
try {
  console.log(`${cpus().length} × ${cpus()[0]?.model}, Node ${process.version}\n`);
  console.log('| what | figure | beside its baseline |\n|---|---|---|');
  const print = (rows: string[]): void => console.log(rows.join('\n'));
  if (runs('ingest')) print(await benchIngest(redis, keys, environment));
  if (runs('attacks')) print(await benchAttacks(redis, keys, environment));
  if (runs('history')) print(await benchHistory(redis));
  if (runs('redis-memory')) {
    print(await benchRedisMemory(redis, keys, emulators, environment, REDIS_MEMORY_ORDERS_FROM));
  }
  await emulators.ask({ kind: 'latency', ms: LATENCY_MS });
  if (runs('work')) print(await benchWork(redis, keys, emulators, environment));
  if (runs('stories')) print(await benchStories(redis, keys, emulators, environment));
  if (runs('memory')) print(await benchMemory(keys, emulators, environment, MEMORY_ORDERS_FROM));
} finally {
  await emulators.stop();
  await redis.stop();
}
