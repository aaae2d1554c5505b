import { GatheredCalls } from '../gathered-calls.js';
import { ExpiringKeys } from './expiring-keys.js';
import { type ScriptItem, ScriptRunner, loadScripts } from './lua-scripts.js';
import { REDIS_PREFIX, type RedisClient } from './redis-connections.js';

/** While the script runs, Redis does nothing else. */
const MAX_CLAIMED_TOGETHER = 64;

interface ClaimScripts {
  claimKeys: { args: never; each: 'key' | 'value' | 'ttlSeconds'; reply: (string | null)[] };
}

type Claim = ScriptItem<ClaimScripts['claimKeys']>;

const SCRIPTS = loadScripts<ClaimScripts>(new URL('.', import.meta.url), { claimKeys: 'claim' });

/** Keys in Redis, on the connection that fails fast. */
export class RedisExpiringKeys extends ExpiringKeys {
  private readonly scripts: ScriptRunner<ClaimScripts, 'any'>;
  /** Each update of an order claims a key. Claims that come while Redis answers others share the next call. */
  private readonly claims = new GatheredCalls<Claim, string | null>(
    (claims) => this.scripts.run('claimKeys', {}, {}, claims),
    {
      maxInFlight: 1,
      maxSize: () => MAX_CLAIMED_TOGETHER,
    },
  );

  constructor(private readonly redis: RedisClient) {
    super();
    this.scripts = new ScriptRunner(redis, SCRIPTS, { any: nameOf('any') });
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
}

function nameOf(key: string): string {
  return `${REDIS_PREFIX}:${key}`;
}
