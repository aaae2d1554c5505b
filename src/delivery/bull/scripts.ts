import { createRequire } from 'node:module';
import type { ChainableCommander } from 'ioredis';
import type { RedisClient } from '../../redis/index.js';

const bullAddJob = createRequire(import.meta.url)('bull/lib/scripts/addJob-6.js') as {
  content: string;
  keys: number;
};
if (bullAddJob.keys !== 6 || !bullAddJob.content.includes('ARGV[14]')) {
  throw new Error('The script addJob of bull is not the one this was built on; install bull 4.16.5');
}

/** Numbers are strictly increasing per key, also when the clock is set back or the key had expired. */
const TICK = `
local function tick(orderKey, ttl)
  local time = redis.call('TIME')
  local now = tonumber(time[1]) * 1000000 + tonumber(time[2])
  if orderKey == '' then return now end
  local latest = tonumber(redis.call('HGET', orderKey, 'latest') or '0')
  if latest >= now then now = latest + 1 end
  redis.call('HSET', orderKey, 'latest', string.format('%.0f', now))
  redis.call('EXPIRE', orderKey, ttl)
  return now
end
`;

/**
 * Takes a notification in one atomic step and one round trip: is it a duplicate? if not, number it and add
 * it exactly as Bull would (which stores a job's options packed). Bull's own script is the second half; its return value means "added".
 * A dead letter that the sender repeats begins anew: Bull would ignore it for ever.
 *
 * KEYS 1-6 and ARGV 1-14 are Bull's; KEYS 7 done mark, 8 order (or any key when ARGV 16 is '0'), 9 failed
 * set; ARGV 15 lifetime of the order key in seconds, 16 whether it is coalesced.
 */
const ACCEPT = `
${TICK}
if redis.call('EXISTS', KEYS[7]) == 1 then return 'duplicate' end
if redis.call('EXISTS', ARGV[1] .. ARGV[2]) == 1 then
  if redis.call('ZREM', KEYS[9], ARGV[2]) == 0 then return 'duplicate' end
  redis.call('DEL', ARGV[1] .. ARGV[2])
end
local number = tick(ARGV[16] == '1' and KEYS[8] or '', ARGV[15])
ARGV[4] = '{"number":' .. string.format('%.0f', number) .. ',' .. ARGV[4]
ARGV[5] = cmsgpack.pack(ARGV[5])
`;

/**
 * Begins a run: what is covered, which run saw what, how often workers died with this job, and the number
 * of this run, drawn before its first read. KEYS 1 job, 2 order; ARGV 1 lifetime, 2 whether coalesced.
 */
const BEGIN = `
${TICK}
local stalls = redis.call('HGET', KEYS[1], 'stalledCounter') or '0'
if ARGV[2] ~= '1' then return { string.format('%.0f', tick('', 0)), false, false, stalls } end
local known = redis.call('HMGET', KEYS[2], 'covered', 'saw')
return { string.format('%.0f', tick(KEYS[2], ARGV[1])), known[1], known[2], stalls }
`;

/** A run that began earlier than one that has finished already adds nothing. */
const COVER = `
local function cover(orderKey, number, saw, ttl)
  local covered = tonumber(redis.call('HGET', orderKey, 'covered') or '0')
  if tonumber(number) > covered then
    redis.call('HSET', orderKey, 'covered', number, 'saw', saw)
    redis.call('EXPIRE', orderKey, ttl)
  end
end
`;

/**
 * Remembers that a run is finished that had drawn the number ARGV 1: every notification with a smaller one
 * is covered. KEYS 1 order; ARGV 1 number, 2 what it saw, 3 lifetime.
 */
const COVER_RUN = `
${COVER}
cover(KEYS[1], ARGV[1], ARGV[2], ARGV[3])
return 1
`;

/** As {@link COVER_RUN}, and marks the notification as done. KEYS 2 done mark; ARGV 4 its lifetime. */
const FINISH_RUN = `
${COVER}
if KEYS[1] ~= KEYS[2] then cover(KEYS[1], ARGV[1], ARGV[2], ARGV[3]) end
redis.call('SET', KEYS[2], '1', 'EX', ARGV[4])
return 1
`;

/** INFO of the server that has the key, which in a cluster is not any server. KEYS 1 any key of ours. */
const DESCRIBE = `return redis.call('INFO')`;

/** The commands that {@link defineQueueCommands} adds to a client. */
export interface QueueCommands {
  describeServer(key: string): Promise<string>;
  acceptNotification(...keysAndArguments: (string | number | Buffer)[]): Promise<string>;
  beginRun(
    jobKey: string,
    orderKey: string,
    lifetimeSeconds: number,
    coalesced: '0' | '1',
  ): Promise<[number: string, covered: string | null, saw: string | null, stalls: string]>;
  coverRun(orderKey: string, number: string, saw: string, lifetimeSeconds: number): Promise<number>;
  /** `orderKey` is `doneKey` when the run covers no other notification. */
  finishRun(
    orderKey: string,
    doneKey: string,
    number: string,
    saw: string,
    lifetimeSeconds: number,
    dedupeWindowSeconds: number,
  ): Promise<number>;
}

/** The same in a pipeline. */
export interface AcceptInPipeline {
  acceptNotification(...keysAndArguments: (string | number)[]): ChainableCommander;
}

export function defineQueueCommands<T extends RedisClient>(client: T): T & QueueCommands {
  client.defineCommand('describeServer', { numberOfKeys: 1, lua: DESCRIBE });
  client.defineCommand('acceptNotification', { numberOfKeys: 9, lua: ACCEPT + bullAddJob.content });
  client.defineCommand('beginRun', { numberOfKeys: 2, lua: BEGIN });
  client.defineCommand('coverRun', { numberOfKeys: 1, lua: COVER_RUN });
  client.defineCommand('finishRun', { numberOfKeys: 2, lua: FINISH_RUN });
  return client as T & QueueCommands;
}
