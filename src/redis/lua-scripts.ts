import { readFileSync } from 'node:fs';
import type { ChainableCommander } from 'ioredis';
import { REDIS_PREFIX, type RedisClient } from './redis-connections.js';

/**
 * Every script declares this key, which never exists, beside the keys that it needs. A script finds most of its keys by names
 * that it makes up itself. While a cluster moves their slot, some are on the old server and some on the new one, where a script
 * would find a part of them. Redis refuses a script with a declared key that is missing until the whole slot has moved (`TRYAGAIN`).
 */
const ABSENT_KEY = `${REDIS_PREFIX}:absent`;

type Text = string | number;

/** What a script is given by name, and what it replies. */
export interface ScriptContract {
  readonly args: string;
  /** What it is given for each item. */
  readonly each?: string;
  readonly reply: unknown;
}

type Contracts<TScripts> = Readonly<Record<keyof TScripts, ScriptContract>>;

/** The arguments of a script by name. */
export type ScriptArguments<TScript extends ScriptContract> = Readonly<Record<TScript['args'], Text>>;

/** One of the items that a script deals with, by name. */
export type ScriptItem<TScript extends ScriptContract> = Readonly<
  Record<TScript extends { readonly each: infer TName extends string } ? TName : never, Text>
>;

interface Script {
  readonly keys: readonly string[];
  readonly args: readonly string[];
  /** What is given for each item, behind the arguments. */
  readonly each: readonly string[];
  /** With the keys and arguments as local variables of their names. */
  readonly lua: string;
}

/** Scripts by the names under which they are run. */
export type LoadedScripts<TScripts> = Readonly<Record<keyof TScripts, Script>>;

/**
 * Reads Lua scripts. Comments at the beginning of a script say what it is given:
 *
 * - `-- keys:` and `-- args:` name its keys and arguments, which are local variables in it.
 * - `-- each:` names the function that deals with one item. The parameters of this function are given for each item, behind
 *   the arguments: from `ARGV[FIRST]` on, `EACH` of them for one item.
 * - `-- include:` names the files in the same folder that are put in front.
 *
 * @param folder with a slash at the end.
 * @param files the name of each script's file, without `.lua`.
 */
export function loadScripts<TScripts extends Contracts<TScripts>>(
  folder: URL,
  files: Readonly<Record<keyof TScripts, string>>,
): LoadedScripts<TScripts> {
  const scripts = Object.entries<string>(files).map(([name, file]) => [name, load(folder, file)]);
  return Object.fromEntries(scripts) as LoadedScripts<TScripts>;
}

/** Runs scripts on one connection, each in one round trip. While a cluster moves the slot of their keys, they wait. */
export class ScriptRunner<TScripts extends Contracts<TScripts>, TKey extends string> {
  private readonly commands: Readonly<Record<keyof TScripts, (...values: Text[]) => Promise<unknown>>>;

  /** @param keys those that are the same in every run; each script takes those that it needs. */
  constructor(
    client: RedisClient,
    private readonly scripts: LoadedScripts<TScripts>,
    private readonly keys: Readonly<Partial<Record<TKey, string>>>,
  ) {
    for (const [name, { keys: keyNames, lua }] of Object.entries<Script>(scripts)) {
      client.defineCommand(name, { numberOfKeys: keyNames.length + 1, lua });
    }
    this.commands = client as unknown as typeof this.commands;
  }

  /** @param keys those that are not the same in every run. */
  async run<TName extends keyof TScripts & string>(
    name: TName,
    args: ScriptArguments<TScripts[TName]>,
    keys?: Readonly<Partial<Record<TKey, string>>>,
    items: readonly ScriptItem<TScripts[TName]>[] = [],
  ): Promise<TScripts[TName]['reply']> {
    return await this.commands[name](...this.valuesOf(name, { ...this.keys, ...keys }, args, items));
  }

  /**
   * Adds a script to a pipeline with its whole text: in a pipeline, a server that has forgotten the text would
   * refuse the script and still run the commands behind it.
   */
  inPipeline<TName extends keyof TScripts & string>(
    pipeline: ChainableCommander,
    name: TName,
    args: ScriptArguments<TScripts[TName]>,
    items: readonly ScriptItem<TScripts[TName]>[],
  ): ChainableCommander {
    const { lua, keys } = this.scripts[name];
    return pipeline.eval(lua, keys.length + 1, ...this.valuesOf(name, this.keys, args, items));
  }

  private valuesOf(
    name: keyof TScripts & string,
    keys: Readonly<Partial<Record<string, string>>>,
    args: Readonly<Record<string, Text>>,
    items: readonly Readonly<Record<string, Text>>[],
  ): Text[] {
    const script = this.scripts[name];
    const values: Text[] = [];
    const add = (
      names: readonly string[],
      given: Readonly<Partial<Record<string, Text>>>,
      what: string,
    ): void => {
      for (const each of names) {
        const value = given[each];
        if (value === undefined) throw new TypeError(`Redis script ${name}: ${what} ${each} is missing`);
        values.push(value);
      }
    };
    add(script.keys, keys, 'key');
    values.push(ABSENT_KEY);
    add(script.args, args, 'argument');
    for (const item of items) add(script.each, item, "an item's");
    return values;
  }
}

function load(folder: URL, file: string): Script {
  const read = (name: string): string => readFileSync(new URL(`${name}.lua`, folder), 'utf8');
  const text = read(file);
  const keys = header(text, 'keys');
  // Alone, the absent key would be looked for on the new server, and found missing there in good order.
  if (keys.length === 0) throw new TypeError(`Redis script ${file}: '-- keys:' must name a key`);
  const args = header(text, 'args');
  const each = header(text, 'each').flatMap((name) => parametersOf(text, name));
  const locals = [
    ...keys.map((name, index) => `local ${name} = KEYS[${index + 1}]`),
    ...args.map((name, index) => `local ${name} = ARGV[${index + 1}]`),
    ...(each.length > 0 ? [`local FIRST, EACH = ${args.length + 1}, ${each.length}`] : []),
  ];
  const included = header(text, 'include').map(read);
  return { keys, args, each, lua: [...included, ...locals, text].join('\n') };
}

function header(text: string, name: string): string[] {
  const line = new RegExp(`^-- ${name}:(.*)$`, 'm').exec(text)?.[1] ?? '';
  return line.split(' ').filter((word) => word !== '');
}

/** The function that deals with an item says what it needs. */
function parametersOf(text: string, name: string): string[] {
  const list = new RegExp(`^local function ${name}\\(([^)]*)\\)`, 'm').exec(text)?.[1] ?? '';
  return list.split(',').map((parameter) => parameter.trim());
}
