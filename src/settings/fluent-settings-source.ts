import { Injectable, Logger } from '@nestjs/common';
import { LRUCache } from 'lru-cache';
import { ConnectorConfig, type RetailerScope } from '../config/index.js';
import { TransientError } from '../errors.js';
import { FluentClient, type FluentSetting } from '../fluent/index.js';
import { ConnectorMetrics } from '../metrics/index.js';
import { type SettingValue, SettingsSource } from './settings-source.js';

/** Three mappings for each of 1,500 retailers. The least recently used ones beyond that are read again. */
const MAX_ENTRIES = 4500;
/** A missing setting is read again after this time, so that it takes effect soon after an operator creates it. */
const MISSING_TTL_MS = 10_000;
/** While Fluent cannot be reached, a cached value is used for this time before the next attempt. */
const STALE_TTL_MS = 5000;

/** More than the time to live of an expired entry. */
const EXPIRED_MS = 10;

interface Entry {
  readonly setting: SettingValue | undefined;
  readonly isStale: boolean;
  /** When Fluent returned it. */
  readonly readAt: Date;
}

interface Wanted {
  readonly scope: RetailerScope;
  readonly names: readonly string[];
}

/**
 * What is known of a cached setting.
 *
 * @internal
 */
export interface CachedSetting {
  readonly readAt: Date;
  /** Fluent did not answer when it was to be read again. */
  readonly isStale: boolean;
}

function keyOf(accountId: string, retailerId: string, names: readonly string[]): string {
  return JSON.stringify([accountId, retailerId, names]);
}

/** The settings of one retailer that are requested in the same turn of the event loop. */
interface Batch {
  readonly names: Set<string>;
  readonly settings: Promise<readonly FluentSetting[]>;
}

/**
 * Settings from Fluent, cached for `SETTINGS_CACHE_TTL` seconds. Concurrent requests share one call. While Fluent
 * cannot be reached, the last known value is used, however old: an old mapping is better than no updates.
 */
@Injectable()
export class FluentSettingsSource extends SettingsSource {
  private readonly logger = new Logger(FluentSettingsSource.name);
  private readonly cache: LRUCache<string, Entry, Wanted>;
  private readonly batches = new Map<string, Batch>();

  constructor(
    config: ConnectorConfig,
    private readonly fluent: FluentClient,
    private readonly metrics: ConnectorMetrics,
  ) {
    super();
    this.cache = new LRUCache<string, Entry, Wanted>({
      max: MAX_ENTRIES,
      // For the cache, 0 means no expiry. For SETTINGS_CACHE_TTL, 0 means no caching.
      ttl: Math.max(config.settingsCacheTtlSeconds * 1000, 1),
      // Without it, the cache sets a timer to read the clock less often, which costs more.
      ttlResolution: 0,
      // Expired values are kept for outages of Fluent.
      noDeleteOnStaleGet: true,
      noDeleteOnFetchRejection: true,
      // A read still answers its callers when the cache has evicted its entry meanwhile.
      ignoreFetchAbort: true,
      fetchMethod: async (_key, expired, { options, context }) => {
        try {
          const setting = pickSetting(await this.readTogether(context), context.names);
          if (!setting) options.ttl = Math.min(options.ttl ?? MISSING_TTL_MS, MISSING_TTL_MS);
          return { setting, isStale: false, readAt: new Date() };
        } catch (error) {
          if (!(error instanceof TransientError) || !expired?.setting) throw error;
          this.logger.warn(`setting ${expired.setting.name}: using the cached value: ${error.message}`);
          options.ttl = STALE_TTL_MS;
          return { ...expired, isStale: true };
        }
      },
    });
  }

  async get(scope: RetailerScope, names: readonly string[]): Promise<SettingValue | undefined> {
    const key = keyOf(scope.account.id, scope.retailerId, names);
    const remembered = this.cache.get(key);
    if (remembered) {
      this.metrics.settingsCache.inc({ result: remembered.isStale ? 'stale' : 'hit' });
      return remembered.setting;
    }
    try {
      const entry = await this.cache.forceFetch(key, { context: { scope, names } });
      this.metrics.settingsCache.inc({ result: entry.isStale ? 'stale' : 'miss' });
      return entry.setting;
    } catch (error) {
      this.metrics.settingsCache.inc({ result: 'error' });
      throw error;
    }
  }

  /**
   * @returns when the cached answer was read, and whether it is used only because Fluent did not answer since.
   * @internal
   */
  cached({ account, retailerId }: RetailerScope, names: readonly string[]): CachedSetting | undefined {
    // Only for people, so it does not count as a use.
    const entry = this.cache.peek(keyOf(account.id, retailerId, names), { allowStale: true });
    return entry && { readAt: entry.readAt, isStale: entry.isStale };
  }

  /**
   * Reads a setting again, regardless of the age of the cached value.
   *
   * @throws TransientError when Fluent does not answer and nothing is cached.
   * @internal
   */
  async refresh(scope: RetailerScope, names: readonly string[]): Promise<void> {
    const key = keyOf(scope.account.id, scope.retailerId, names);
    await this.cache.forceFetch(key, { context: { scope, names }, forceRefresh: true });
  }

  /**
   * Reads each cached setting again when it is needed next. While Fluent cannot be reached, the cached value is used.
   *
   * @internal
   */
  expire(): void {
    for (const [key, entry] of this.cache.entries()) {
      this.cache.set(key, entry, { ttl: 1, start: performance.now() - EXPIRED_MS });
    }
  }

  /** The number of cached settings. */
  get size(): number {
    return this.cache.size;
  }

  private readTogether({ scope, names }: Wanted): Promise<readonly FluentSetting[]> {
    const key = JSON.stringify([scope.account.id, scope.retailerId]);
    let batch = this.batches.get(key);
    if (!batch) {
      batch = { names: new Set(), settings: this.readNextTurn(key, scope) };
      this.batches.set(key, batch);
    }
    for (const name of names) batch.names.add(name);
    return batch.settings;
  }

  private async readNextTurn(key: string, scope: RetailerScope): Promise<readonly FluentSetting[]> {
    await new Promise((resolve) => setImmediate(resolve));
    const names = this.batches.get(key)?.names ?? [];
    this.batches.delete(key);
    return this.fluent.getSettings(scope, [...names]);
  }
}

/** The contexts of Fluent's settings, most specific first. @internal */
export const SETTING_CONTEXTS = ['RETAILER', 'ACCOUNT', 'GLOBAL'];

/**
 * Pure: picks the most specific context that has any of the names, and there the first name.
 *
 * @param settings only those whose context applies to the retailer.
 */
export function pickSetting(
  settings: readonly FluentSetting[],
  names: readonly string[],
): SettingValue | undefined {
  for (const context of SETTING_CONTEXTS) {
    for (const name of names) {
      const setting = settings.find((candidate) => candidate.name === name && candidate.context === context);
      if (setting)
        return { name, context: `${context} ${setting.contextId}`, value: parseSettingValue(setting.value) };
    }
  }
  return undefined;
}

/** Pure: the value of a setting that may hold JSON as text. @internal */
export function parseSettingValue(value: unknown): unknown {
  if (typeof value !== 'string' || !/^\s*[{[]/.test(value)) return value;
  try {
    return JSON.parse(value);
  } catch {
    // The caller knows what the setting should contain, and reports it.
    return value;
  }
}
