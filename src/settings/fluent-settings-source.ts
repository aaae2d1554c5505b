import { Injectable, Logger } from '@nestjs/common';
import { LRUCache } from 'lru-cache';
import { ConnectorConfig, type RetailerScope } from '../config/index.js';
import { TransientError } from '../errors.js';
import { FluentClient, type FluentSetting } from '../fluent/index.js';
import { ConnectorMetrics } from '../metrics/index.js';
import { pickSetting } from './pick-setting.js';
import { type SettingValue, SettingsSource } from './settings-source.js';

/** Three mappings for each of 1,500 retailers; beyond that the least used are read again. */
const MAX_ENTRIES = 4500;
/** A missing setting is looked for again after this time, so that an operator's correction heals quickly. */
const MISSING_TTL_MS = 10_000;
/** How long a remembered value is served before Fluent is asked again, once it could not be reached. */
const STALE_TTL_MS = 5000;

interface Entry {
  readonly setting: SettingValue | undefined;
  readonly isStale: boolean;
}

interface Wanted {
  readonly scope: RetailerScope;
  readonly names: readonly string[];
}

/** Everything that one retailer is asked for in the same turn of the event loop. */
interface Batch {
  readonly names: Set<string>;
  readonly settings: Promise<readonly FluentSetting[]>;
}

/**
 * Settings from Fluent, remembered for `SETTINGS_CACHE_TTL` seconds. Concurrent requests share one call,
 * and what is asked for at the same time is read together. While Fluent cannot be reached the last known
 * value is served without limit of age: an old mapping is better than a storefront that stands still.
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
      // The cache takes 0 for "for ever"; a setting of 0 seconds means "not at all".
      ttl: Math.max(config.settingsCacheTtlSeconds * 1000, 1),
      // Reading the clock is cheaper than the timer that would save the reading.
      ttlResolution: 0,
      // Expired values are kept for the day when Fluent does not answer.
      noDeleteOnStaleGet: true,
      noDeleteOnFetchRejection: true,
      // A read whose entry was pushed out meanwhile still answers those who wait for it.
      ignoreFetchAbort: true,
      fetchMethod: async (_key, expired, { options, context }) => {
        try {
          const setting = pickSetting(await this.readTogether(context), context.names);
          if (!setting) options.ttl = Math.min(options.ttl ?? MISSING_TTL_MS, MISSING_TTL_MS);
          return { setting, isStale: false };
        } catch (error) {
          if (!(error instanceof TransientError) || !expired?.setting) throw error;
          this.logger.warn(`setting ${expired.setting.name}: the remembered value is used, ${error.message}`);
          options.ttl = STALE_TTL_MS;
          return { ...expired, isStale: true };
        }
      },
    });
  }

  async get(scope: RetailerScope, names: readonly string[]): Promise<SettingValue | undefined> {
    const key = JSON.stringify([scope.account.id, scope.retailerId, names]);
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

  /** How many settings are remembered. */
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
