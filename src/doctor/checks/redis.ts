import { randomUUID } from 'node:crypto';
import { asError } from '../../errors.js';
import { REDIS_PREFIX, RedisConnections, type RedisClient } from '../../redis/index.js';
import { type Check, type Finding, fail, pass, skip, warn } from '../finding.js';
import { MessageQueue } from '../../delivery/index.js';

const SUBJECT = 'Redis';
/** What every test runs against. */
const TESTED_VERSION = 7;
const PROBE_SECONDS = 30;

/** Redis, its settings, and the rights of the user. It writes one key, and removes it. */
export const redisCheck: Check = {
  name: 'redis',
  async *run({ services, config }) {
    const connections = services.get(RedisConnections, { strict: false });
    if (!connections.isConfigured) {
      yield skip(SUBJECT, 'REDIS_URL is not set, and the queue of the application does not need it');
      return;
    }
    try {
      await connections.opened();
    } catch (error) {
      yield fail(SUBJECT, `does not answer: ${asError(error).message}`, 'check REDIS_URL and the server');
      return;
    }
    const redis = connections.failFast;
    const refused = await refusedCommands(redis, config.queue.redisWaitReplicas > 0);
    yield refused.length === 0
      ? pass(`${SUBJECT}: rights`, 'the user may run every command that the connector needs')
      : fail(
          `${SUBJECT}: rights`,
          `the user may not run ${refused.join(', ')}`,
          'give the user the rights of docs/configuration.md: ~{fluent-connector}* &* +@all -@admin -@dangerous +info',
        );
    yield await version(redis);
    const { reachable, warnings } = await services.get(MessageQueue, { strict: false }).health();
    if (!reachable) yield skip(`${SUBJECT}: durability`, warnings.join('; ') || 'the queue does not answer');
    else if (warnings.length === 0) yield pass(`${SUBJECT}: durability`, 'keeps accepted notifications');
    for (const warning of reachable ? warnings : []) {
      const [message = '', advice] = warning.split(/; (?=set |raise |add )/);
      yield warn(`${SUBJECT}: durability`, message, advice);
    }
  },
};

/** Scripts run with the rights of the user, so a command stands for its category. */
async function refusedCommands(redis: RedisClient, waits: boolean): Promise<string[]> {
  const key = `${REDIS_PREFIX}:doctor:${randomUUID()}`;
  const probes: readonly (readonly [command: string, ...args: (string | number)[]])[] = [
    ['SET', key, '1', 'EX', PROBE_SECONDS],
    ['GET', key],
    ['INCRBY', key, 1],
    ['DEL', key],
    ['RPUSH', key, '1'],
    ['LRANGE', key, 0, -1],
    ['RPOPLPUSH', key, key],
    ['DEL', key],
    ['HSET', key, 'field', '1'],
    ['HMGET', key, 'field'],
    ['DEL', key],
    ['ZADD', key, 1, 'member'],
    ['ZRANGE', key, 0, -1],
    ['BZPOPMIN', key, 0.1],
    ['TIME'],
    ['INFO', 'server'],
    ['EVAL', "return redis.call('EXISTS', KEYS[1])", 1, key],
    ['SCRIPT', 'EXISTS', '0'.repeat(40)],
    ...(waits ? [['WAIT', 0, 1] as const] : []),
    ['DEL', key],
  ];
  const refused = new Set<string>();
  for (const [command, ...args] of probes) {
    try {
      await redis.call(command, ...args);
    } catch (error) {
      if (/\bNOPERM\b/.test(asError(error).message)) refused.add(command);
    }
  }
  return [...refused];
}

async function version(redis: RedisClient): Promise<Finding> {
  const subject = `${SUBJECT}: version`;
  try {
    // INFO alone may ask any server of a cluster.
    const script = "return redis.call('INFO', 'server')";
    const info = String(await redis.call('EVAL', script, 1, `${REDIS_PREFIX}:doctor`));
    const found = /^redis_version:(\S+)/m.exec(info)?.[1] ?? 'unknown';
    return Number.parseInt(found, 10) >= TESTED_VERSION
      ? pass(subject, found)
      : warn(subject, `${found}; the connector is tested with ${TESTED_VERSION}`, 'update Redis');
  } catch (error) {
    return skip(subject, `not known: ${asError(error).message}`);
  }
}
