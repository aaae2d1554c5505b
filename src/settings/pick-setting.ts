import type { FluentSetting } from '../fluent/index.js';
import type { SettingValue } from './settings-source.js';

/** Most specific first. */
const CONTEXTS = ['RETAILER', 'ACCOUNT', 'GLOBAL'];

/**
 * Pure: the setting that wins: the most specific context that has any of the names; there the first name.
 *
 * @param settings only those whose context applies to the retailer
 */
export function pickSetting(
  settings: readonly FluentSetting[],
  names: readonly string[],
): SettingValue | undefined {
  for (const context of CONTEXTS) {
    for (const name of names) {
      const setting = settings.find((candidate) => candidate.name === name && candidate.context === context);
      if (setting) return { name, context: `${context} ${setting.contextId}`, value: parse(setting.value) };
    }
  }
  return undefined;
}

function parse(value: unknown): unknown {
  if (typeof value !== 'string' || !/^\s*[{[]/.test(value)) return value;
  try {
    return JSON.parse(value);
  } catch {
    // Whoever reads the setting knows what it should hold, and can say so with the text at hand.
    return value;
  }
}
