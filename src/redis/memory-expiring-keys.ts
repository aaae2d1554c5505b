import { LRUCache } from 'lru-cache';
import { ExpiringKeys } from './expiring-keys.js';

/** Some 30 MB at most. The keys that were used longest ago go first. */
const MAX_KEYS = 50_000;

/** Keys in the memory of this process, for a connector without Redis. */
export class MemoryExpiringKeys extends ExpiringKeys {
  private readonly values = new LRUCache<string, string>({ max: MAX_KEYS });

  override get(key: string): Promise<string | undefined> {
    return Promise.resolve(this.values.get(key));
  }

  override set(key: string, value: string, ttlSeconds: number): Promise<void> {
    this.values.set(key, value, { ttl: ttlSeconds * 1000 });
    return Promise.resolve();
  }

  override async claim(key: string, value: string, ttlSeconds: number): Promise<string | undefined> {
    const current = this.values.get(key);
    if (current !== undefined && current !== value) return current;
    await this.set(key, value, ttlSeconds);
    return undefined;
  }
}
