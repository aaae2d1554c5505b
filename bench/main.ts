// npm run bench [ingest] [attacks] [work] [workers] [memory] [redis-memory] [backlog] [history] [stories]: each beside its baseline in one run, as a table.
import { cpus } from 'node:os';
import { PrivateRedis, generateWebhookKeys } from '../src/testing/index.js';
import { RedisAccount } from './accounting.js';
import { Child } from './child.js';
import { benchAttacks } from './attacks.js';
import { benchBacklog } from './backlog.js';
import { benchHistory } from './history.js';
import { benchIngest } from './ingest.js';
import { benchMemory } from './memory.js';
import { benchRedisMemory } from './redis-memory.js';
import { type Row, TABLE_HEAD, lineOf } from './report.js';
import { benchStories } from './stories.js';
import { benchWork } from './work.js';
import { benchWorkers } from './workers.js';

const LATENCY_MS = 20;
/** Beyond the orders that the work benchmark uses. */
const MEMORY_ORDERS_FROM = 1_000_000;
const REDIS_MEMORY_ORDERS_FROM = 2_000_000;

const wanted = process.argv.slice(2);
const runs = (name: string): boolean => wanted.length === 0 || wanted.includes(name);

const server = await PrivateRedis.start({ args: ['--appendfsync', 'everysec'] });
const redis = new RedisAccount(server.url);
const keys = generateWebhookKeys();
const { child: emulators, ready } = await Child.start<Record<string, string>>('emulators.child.ts', {
  PUBLIC_KEY: keys.publicKey,
  // The library that executes GraphQL checks every type again in development.
  NODE_ENV: 'production',
});
const environment = { ...ready, REDIS_URL: server.url, NODE_ENV: 'production', RECONCILE_INTERVAL: '0' };
const bench = { redis, redisUrl: server.url, keys, emulators, environment };
try {
  const { redisVersion } = await redis.server();
  console.log(`${cpus().length} × ${cpus()[0]?.model}, Node ${process.version}, Redis ${redisVersion}\n`);
  console.log(TABLE_HEAD);
  const print = (rows: readonly Row[]): void => console.log(rows.map(lineOf).join('\n'));
  if (runs('ingest')) print(await benchIngest(redis, server.url, keys, environment));
  if (runs('attacks')) print(await benchAttacks(server, keys, environment));
  if (runs('history')) print(await benchHistory(server));
  if (runs('redis-memory')) {
    print(await benchRedisMemory(server, keys, emulators, environment, REDIS_MEMORY_ORDERS_FROM));
  }
  if (runs('backlog')) print(await benchBacklog());
  if (runs('workers')) print(await benchWorkers(bench));
  await emulators.ask({ kind: 'latency', ms: LATENCY_MS });
  if (runs('work')) print(await benchWork(bench));
  if (runs('stories')) print(await benchStories(bench, server));
  if (runs('memory')) print(await benchMemory(redis, keys, emulators, environment, MEMORY_ORDERS_FROM));
} finally {
  await emulators.stop();
  redis.close();
  await server.stop();
}
