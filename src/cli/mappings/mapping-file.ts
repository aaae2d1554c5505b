import { writeFile } from 'node:fs/promises';
import { stringify } from 'yaml';
import type { Environment, MappingKind, MappingSettings } from '../../config/index.js';
import { asError } from '../../errors.js';
import { DEFAULT_MAPPING_SETTINGS, inspectMapping, settingNames } from '../../mapping/index.js';
import { readSettingsFile } from '../../settings/index.js';
import { UsageError } from '../console.js';

export const KINDS: readonly MappingKind[] = ['order', 'payment', 'shipping'];
const VARIABLES: Readonly<Record<MappingKind, string>> = {
  order: 'ORDER_STATUS_MAPPING_SETTING',
  payment: 'PAYMENT_STATUS_MAPPING_SETTING',
  shipping: 'SHIPPING_STATUS_MAPPING_SETTING',
};

/** One mapping of a file. */
export interface FileMapping {
  readonly kind: MappingKind;
  /** The name of the setting, as the file spells it. */
  readonly name: string;
  /** The whole value of the setting. */
  readonly value: unknown;
}

/** The mappings of a file, and everything that is wrong with it. */
export interface MappingFile {
  readonly mappings: readonly FileMapping[];
  readonly problems: readonly string[];
  /** Statuses that one mapping has and another lacks. */
  readonly gaps: readonly string[];
}

/** @returns the setting names of the environment, for commands that need nothing else of the configuration. */
export function settingsOfEnvironment(env: Environment): MappingSettings {
  const nameOf = (kind: MappingKind): string | undefined => {
    const name = env[VARIABLES[kind]]?.trim() || DEFAULT_MAPPING_SETTINGS[kind];
    return name.toLowerCase() === 'off' ? undefined : name;
  };
  return { order: nameOf('order'), payment: nameOf('payment'), shipping: nameOf('shipping') };
}

/**
 * Reads a file whose keys are setting names, as `SETTINGS_FILE` has it.
 *
 * @throws UsageError when it cannot be read.
 */
export async function readMappingFile(path: string, settings: MappingSettings): Promise<MappingFile> {
  let values: ReadonlyMap<string, unknown>;
  try {
    values = (await readSettingsFile(path)).parse();
  } catch (error) {
    throw new UsageError(`${path} cannot be used: ${asError(error).message}`);
  }
  const problems: string[] = [];
  const mappings: FileMapping[] = [];
  const statuses = new Map<MappingKind, readonly string[]>();
  const known = new Set<string>();
  for (const kind of KINDS) {
    const configured = settings[kind];
    if (configured === undefined) continue;
    const names = settingNames(kind, configured);
    for (const name of names) known.add(name);
    const [name, ...more] = names.filter((candidate) => values.has(candidate));
    if (name === undefined) {
      problems.push(`it has no ${kind} mapping: add ${names[0]}, or set ${VARIABLES[kind]}=off`);
      continue;
    }
    for (const other of more) problems.push(`${other} and ${name} are the same mapping; keep one`);
    const value = values.get(name);
    const inspected = inspectMapping(kind, { name, context: path, value });
    problems.push(...inspected.problems);
    statuses.set(kind, [...inspected.states.keys()]);
    mappings.push({ kind, name, value });
  }
  for (const name of values.keys()) {
    if (!known.has(name))
      problems.push(`${name} is not a mapping setting; known are ${[...known].join(', ')}`);
  }
  return { mappings, problems, gaps: gapsOf(statuses) };
}

/** Writes mappings so that {@link readMappingFile} reads the same. */
export async function writeMappingFile(path: string, mappings: readonly FileMapping[]): Promise<void> {
  await writeFile(path, mappingText(mappings));
}

export function mappingText(mappings: readonly FileMapping[]): string {
  return stringify(Object.fromEntries(mappings.map(({ name, value }) => [name, value])));
}

function gapsOf(statuses: ReadonlyMap<MappingKind, readonly string[]>): string[] {
  const all = new Set([...statuses.values()].flat());
  return [...statuses].flatMap(([kind, own]) => {
    const lacking = [...all].filter((status) => !own.includes(status));
    return lacking.length === 0 ? [] : [`the ${kind} mapping has no entry for ${lacking.join(', ')}`];
  });
}
