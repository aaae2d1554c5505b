import { readFileSync } from 'node:fs';
import { Redis } from 'ioredis';

const CLOCK_TICKS_PER_SECOND = 100;

/** @returns the CPU time of a process so far, user and system, by the kernel's accounting (Linux only). */
export function cpuMicrosOf(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.split(' ') ?? [];
  return ((Number(fields[11]) + Number(fields[12])) * 1_000_000) / CLOCK_TICKS_PER_SECOND;
}

/** @returns the most resident memory of a process so far, MB (Linux only). */
export function peakMbOf(pid: number): number {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8');
  return Number(/VmHWM:\s+(\d+)/.exec(status)?.[1]) / 1024;
}

/** What Redis has used so far, by its own accounting. */
export interface RedisUsage {
  readonly cpuMicros: number;
  /** Times that it read from a connection: what was sent together counts once. */
  readonly reads: number;
  readonly usedBytes: number;
}

/** A connection of the benchmark to Redis, which it asks little and seldom. */
export class RedisAccount {
  readonly client: Redis;

  constructor(url: string) {
    this.client = new Redis(url);
  }

  async usage(): Promise<RedisUsage> {
    const info = await this.client.info();
    const field = (name: string): number => Number(new RegExp(`^${name}:([\\d.]+)`, 'm').exec(info)?.[1]);
    return {
      cpuMicros: Math.round((field('used_cpu_user') + field('used_cpu_sys')) * 1_000_000),
      reads: field('total_reads_processed'),
      usedBytes: field('used_memory'),
    };
  }

  async server(): Promise<{ redisVersion: string }> {
    return { redisVersion: /^redis_version:(\S+)/m.exec(await this.client.info('server'))?.[1] ?? 'unknown' };
  }

  /** @returns how many accepted notifications have not ended. */
  unfinished(): Promise<number> {
    return this.client.zcard('{fluent-connector}:notifications:unfinished');
  }

  close(): void {
    this.client.disconnect();
  }
}

/** What a process and Redis used for each notification between two looks. */
export interface Spent {
  readonly perSecond: number;
  readonly cpuMicros: number;
  readonly redisMicros: number;
  readonly roundTrips: number;
}

interface Look {
  readonly at: number;
  readonly cpuMicros: number;
  readonly redis: RedisUsage;
}

/** Looks at a process and at Redis at once. */
export async function lookAt(pid: number, redis: RedisAccount): Promise<Look> {
  return { at: performance.now(), cpuMicros: cpuMicrosOf(pid), redis: await redis.usage() };
}

/** @returns what each of so many notifications took from one look to the next. */
export function spentBetween(before: Look, after: Look, notifications: number): Spent {
  return {
    perSecond: (notifications * 1000) / (after.at - before.at),
    cpuMicros: (after.cpuMicros - before.cpuMicros) / notifications,
    redisMicros: (after.redis.cpuMicros - before.redis.cpuMicros) / notifications,
    roundTrips: (after.redis.reads - before.redis.reads) / notifications,
  };
}
