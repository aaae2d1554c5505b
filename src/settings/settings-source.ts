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
 * Where named settings come from. The default is Fluent, cached for `SETTINGS_CACHE_TTL` seconds; stale
 * values are served while Fluent is unreachable. With `SETTINGS_FILE` it is {@link FileSettingsSource}.
 */
export abstract class SettingsSource {
  /**
   * @param names in order of preference; the most specific context that has any of them wins (retailer, account,
   * global), and there the first name.
   * @returns undefined when no context has any of the names.
   * @throws TransientError when the source cannot be reached and no value is remembered.
   */
  abstract get(scope: RetailerScope, names: readonly string[]): Promise<SettingValue | undefined>;
}
