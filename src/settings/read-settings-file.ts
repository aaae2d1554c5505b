import { readFile, readdir, realpath, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { parse } from 'yaml';

/** A ConfigMap cannot be larger. */
const MAX_BYTES = 1_048_576;
const MAX_SETTINGS = 1000;
const EXTENSION = /\.(json|ya?ml)$/;

/** The contents of a settings file, or of a folder with one file for each setting. */
export interface SettingsText {
  /** Changes when the contents change. */
  readonly fingerprint: string;
  /** @returns setting values by name. @throws Error that describes the problem of the text. */
  readonly parse: () => ReadonlyMap<string, unknown>;
}

/**
 * Reads a YAML or JSON file whose keys are setting names, or a folder (a mounted ConfigMap) with one file for each
 * setting. The file's name is the setting's name, with or without `.json`, `.yaml` or `.yml`.
 *
 * @throws Error when it cannot be read, or is too large.
 */
export async function readSettingsFile(path: string): Promise<SettingsText> {
  if (!(await stat(path)).isDirectory()) {
    const text = await readBounded(path, MAX_BYTES);
    return { fingerprint: text, parse: () => settingsOf(parse(text)) };
  }
  // Kubernetes swaps this link when a ConfigMap changes. All files behind it have the same version.
  const folder = await realpath(join(path, '..data')).catch(() => path);
  const names = (await readdir(folder)).filter((name) => !name.startsWith('.')).sort();
  if (names.length > MAX_SETTINGS) throw new Error(`it has more than ${MAX_SETTINGS} files`);
  const files: [name: string, text: string][] = [];
  let left = MAX_BYTES;
  for (const name of names) {
    const text = await readBounded(join(folder, name), left);
    left -= text.length;
    files.push([name, text]);
  }
  return { fingerprint: JSON.stringify(files), parse: () => settingsOfFiles(files) };
}

async function readBounded(path: string, maxBytes: number): Promise<string> {
  if ((await stat(path)).size > maxBytes) throw new Error(`it has more than ${MAX_BYTES} bytes`);
  return readFile(path, 'utf8');
}

function settingsOf(document: unknown): ReadonlyMap<string, unknown> {
  if (typeof document !== 'object' || document === null || Array.isArray(document)) {
    throw new Error('it must have setting names as its keys');
  }
  return new Map(Object.entries(document));
}

function settingsOfFiles(files: readonly (readonly [string, string])[]): ReadonlyMap<string, unknown> {
  const settings = new Map<string, unknown>();
  for (const [file, text] of files) {
    const name = file.replace(EXTENSION, '');
    if (settings.has(name)) throw new Error(`two files contain the setting ${name}`);
    try {
      settings.set(name, parse(text));
    } catch (error) {
      throw new Error(`${file} is neither YAML nor JSON: ${String(error)}`, { cause: error });
    }
  }
  return settings;
}
