import type { RetailerScope } from '../config/index.js';

/** The value of a setting and where it was found, for messages to operators. */
export interface SettingValue {
  /** The name it was found under. */
  readonly name: string;
  /** e.g. `RETAILER 1`, `ACCOUNT 0`. */
  readonly context: string;
  /** Parsed JSON when the setting holds JSON (also as text), else the text. */
  readonly value: unknown;
}

/**
 * Reads named settings, such as the status mappings.
 *
 * Replace it when settings live neither in Fluent nor in a file, e.g. in a configuration service. The default is
 * {@link FluentSettingsSource}, which caches for `SETTINGS_CACHE_TTL` seconds and serves stale values while Fluent is
 * unreachable. With `SETTINGS_FILE` it is {@link FileSettingsSource}. Override it in
 * `ConnectorModule.register({ overrides })`.
 *
 * An override must respect the retailer: a setting of the retailer wins over one of the account, and that over a
 * global one. It is asked for every notification, so it must cache.
 *
 * @example
 * @Injectable()
 * class ConsulSettings extends SettingsSource {
 *   constructor(private readonly consul: Consul) {
 *     super();
 *   }
 *
 *   async get({ account, retailerId }: RetailerScope, names: readonly string[]) {
 *     for (const name of names) {
 *       const value = await this.consul.read(`fluent/${account.id}/${retailerId}/${name}`);
 *       if (value !== undefined) return { name, context: `RETAILER ${retailerId}`, value };
 *     }
 *     return undefined;
 *   }
 * }
 *
 * ConnectorModule.register({ providers: [Consul], overrides: [{ provide: SettingsSource, useClass: ConsulSettings }] });
 */
export abstract class SettingsSource {
  /**
   * @param names in order of preference; the most specific context that has any of them wins (retailer, account,
   * global), and there the first name.
   * @returns undefined when no context has any of the names.
   * @throws TransientError when the source cannot be reached and no value is cached.
   */
  abstract get(scope: RetailerScope, names: readonly string[]): Promise<SettingValue | undefined>;
}
