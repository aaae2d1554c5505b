import { GatheredCalls } from '../gathered-calls.js';
import { ExpiringKeys } from './expiring-keys.js';
import { REDIS_PREFIX, type RedisClient } from './redis-connections.js';

/** While the script runs, Redis does nothing else. */
const MAX_CLAIMED_TOGETHER = 64;

/**
 * Claims keys. For each, ARGV has its value and its lifetime. Returns for each the other value that it has, or false. Every key
 * is declared in KEYS: while a cluster moves their slot, only then does Redis see that some have moved and others have not.
 */
const CLAIM = `
local others = {}
for at, key in ipairs(KEYS) do
  local value, ttlSeconds = ARGV[at * 2 - 1], ARGV[at * 2]
  local current = redis.call('GET', key)
  if current and current ~= value then
    others[at] = current
  else
    redis.call('SET', key, value, 'EX', ttlSeconds)
    others[at] = false
  end
end
return others`;

interface Claim {
  readonly key: string;
  readonly value: string;
  readonly ttlSeconds: number;
}

interface Claiming {
  claimExpiringKeys(keys: number, ...keysAndArguments: (string | number)[]): Promise<(string | null)[]>;
}

/** Keys in Redis, on the connection that fails fast. */
export class RedisExpiringKeys extends ExpiringKeys {
  private readonly claiming: Claiming;
  /** Each update of an order claims a key. Claims that come while Redis answers others share the next call. */
  private readonly claims = new GatheredCalls<Claim, string | null>((claims) => this.claimTogether(claims), {
    maxInFlight: 1,
    maxSize: () => MAX_CLAIMED_TOGETHER,
  });

  constructor(private readonly redis: RedisClient) {
    super();
    // Redis knows the script by its digest, so its text is sent once.
    redis.defineCommand('claimExpiringKeys', { lua: CLAIM });
    this.claiming = redis as unknown as Claiming;
  }

  override async get(key: string): Promise<string | undefined> {
    return (await this.redis.get(nameOf(key))) ?? undefined;
  }

  override async set(key: string, value: string, ttlSeconds: number): Promise<void> {
    await this.redis.set(nameOf(key), value, 'EX', ttlSeconds);
  }

  override async claim(key: string, value: string, ttlSeconds: number): Promise<string | undefined> {
    return (await this.claims.call({ key: nameOf(key), value, ttlSeconds })) ?? undefined;
  }

  private claimTogether(claims: readonly Claim[]): Promise<readonly (string | null)[]> {
    return this.claiming.claimExpiringKeys(
      claims.length,
      ...claims.map(({ key }) => key),
      ...claims.flatMap(({ value, ttlSeconds }) => [value, ttlSeconds]),
    );
  }
}

function nameOf(key: string): string {
  return `${REDIS_PREFIX}:${key}`;
}
