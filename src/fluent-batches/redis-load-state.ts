import { Injectable } from '@nestjs/common';
import { REDIS_PREFIX, RedisConnections, type RedisClient } from '../redis/index.js';
import { type BatchRecord, type JobDay, LoadState } from './load-state.js';

const JOB_SECONDS = 2 * 86_400;
/** After a week without a resume, a load starts from the beginning. */
const LOAD_SECONDS = 7 * 86_400;

/** Takes the job unless there is another one than that which it replaces. */
const TAKE = `
local current = redis.call('GET', KEYS[1])
if current and current ~= ARGV[2] then return current end
redis.call('SET', KEYS[1], ARGV[1], 'EX', ARGV[3])
return ARGV[1]`;

/** Keeps records of loads in Redis, shared by all replicas. */
@Injectable()
export class RedisLoadState extends LoadState {
  private connection?: RedisClient;

  constructor(private readonly connections: RedisConnections) {
    super();
  }

  /** Opened by the first load. It waits for Redis instead of failing the load. */
  private get redis(): RedisClient {
    return (this.connection ??= this.connections.reconnecting('batches'));
  }

  async job(day: JobDay): Promise<string | undefined> {
    return (await this.redis.get(jobKey(day))) ?? undefined;
  }

  async setJob(day: JobDay, jobId: string, replacing = ''): Promise<string> {
    return String(await this.redis.eval(TAKE, 1, jobKey(day), jobId, replacing, JOB_SECONDS));
  }

  async batch(loadId: string, batchKey: string): Promise<BatchRecord | undefined> {
    const record = await this.redis.hget(loadKey(loadId), batchKey);
    return record === null ? undefined : (JSON.parse(record) as BatchRecord);
  }

  async setBatch(loadId: string, batchKey: string, record: BatchRecord): Promise<void> {
    const key = loadKey(loadId);
    const results = await this.redis
      .multi()
      .hset(key, batchKey, JSON.stringify(record))
      .expire(key, LOAD_SECONDS)
      .exec();
    for (const [error] of results ?? []) if (error) throw error;
  }

  async forget(loadId: string): Promise<void> {
    await this.redis.del(loadKey(loadId));
  }
}

function jobKey({ accountId, retailerId, day }: JobDay): string {
  return `${REDIS_PREFIX}:batches:job:${JSON.stringify([accountId, retailerId, day])}`;
}

function loadKey(loadId: string): string {
  return `${REDIS_PREFIX}:batches:load:${loadId}`;
}
