import { ExpiringKeys } from './expiring-keys.js';
import { REDIS_PREFIX, type RedisClient } from './redis-connections.js';

const CLAIM = `
local current = redis.call('GET', KEYS[1])
if current and current ~= ARGV[1] then return current end
redis.call('SET', KEYS[1], ARGV[1], 'EX', ARGV[2])
return false`;

interface Claiming {
  claimExpiringKey(key: string, value: string, ttlSeconds: number): Promise<unknown>;
}

/** Keys in Redis, on the connection that fails fast. */
export class RedisExpiringKeys extends ExpiringKeys {
  private readonly claiming: Claiming;

  constructor(private readonly redis: RedisClient) {
    super();
    // Each update of an order claims a key. Redis knows the script by its digest, so its text is sent once.
    redis.defineCommand('claimExpiringKey', { numberOfKeys: 1, lua: CLAIM });
    this.claiming = redis as unknown as Claiming;
  }

  override async get(key: string): Promise<string | undefined> {
    return (await this.redis.get(nameOf(key))) ?? undefined;
  }

  override async set(key: string, value: string, ttlSeconds: number): Promise<void> {
    await this.redis.set(nameOf(key), value, 'EX', ttlSeconds);
  }

  override async claim(key: string, value: string, ttlSeconds: number): Promise<string | undefined> {
    const other = await this.claiming.claimExpiringKey(nameOf(key), value, ttlSeconds);
    return typeof other === 'string' ? other : undefined;
  }
}

function nameOf(key: string): string {
  return `${REDIS_PREFIX}:${key}`;
}
