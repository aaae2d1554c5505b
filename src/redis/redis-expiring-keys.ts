import { ExpiringKeys } from './expiring-keys.js';
import { REDIS_PREFIX, type RedisClient } from './redis-connections.js';

const CLAIM = `
local current = redis.call('GET', KEYS[1])
if current and current ~= ARGV[1] then return current end
redis.call('SET', KEYS[1], ARGV[1], 'EX', ARGV[2])
return false`;

/** Keys in Redis, on the connection that fails fast. */
export class RedisExpiringKeys extends ExpiringKeys {
  constructor(private readonly redis: RedisClient) {
    super();
  }

  override async get(key: string): Promise<string | undefined> {
    return (await this.redis.get(nameOf(key))) ?? undefined;
  }

  override async set(key: string, value: string, ttlSeconds: number): Promise<void> {
    await this.redis.set(nameOf(key), value, 'EX', ttlSeconds);
  }

  override async claim(key: string, value: string, ttlSeconds: number): Promise<string | undefined> {
    const other = await this.redis.eval(CLAIM, 1, nameOf(key), value, ttlSeconds);
    return typeof other === 'string' ? other : undefined;
  }
}

function nameOf(key: string): string {
  return `${REDIS_PREFIX}:${key}`;
}
