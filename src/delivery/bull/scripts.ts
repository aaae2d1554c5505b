import { readFileSync } from 'node:fs';
import type { ChainableCommander } from 'ioredis';
import type { RedisClient } from '../../redis/index.js';

type Text = string | number;

/** What is given to each script, and for each item, and what it replies. The texts, and their documentation, are in `lua/`. */
export interface QueueScripts {
  accept: {
    args: 'jobPrefix' | 'earlierDonePrefix' | 'orderPrefix' | 'options' | 'nonce' | 'orderTtlSeconds';
    each: 'id' | 'name' | 'data' | 'lane' | 'coalesceKey';
    reply: ('accepted' | 'duplicate' | Error)[];
  };
  take: {
    args: 'jobPrefix' | 'orderPrefix' | 'lockToken' | 'lockMs' | 'max' | 'held' | 'nonce' | 'orderTtlSeconds';
    reply: [isLeft: 0 | 1, nextDueInMs: number | '', nowMs: number, taken: TakenReply[]];
  };
  renewTicket: { args: 'nonce' | 'orderTtlSeconds'; reply: TicketReply };
  settle: {
    args: 'jobPrefix' | 'earlierDonePrefix' | 'orderPrefix' | 'lockToken' | 'orderTtlSeconds';
    each:
      | 'id'
      | 'coalesceKey'
      | 'epoch'
      | 'ticket'
      | 'run'
      | 'covered'
      | 'observed'
      | 'notBeforeInMs'
      | 'ownAge'
      | 'action'
      | 'delayMs'
      | 'lane'
      | 'parkedFor'
      | 'progress'
      | 'data'
      | 'reason'
      | 'doneTtlSeconds';
    reply: (SettleReply | Error)[];
  };
  renewLocks: { args: 'jobPrefix' | 'lockToken' | 'lockMs' | 'ids'; reply: string[] };
  recover: { args: 'jobPrefix' | 'orderPrefix' | 'nonce' | 'orderTtlSeconds'; reply: number };
  replay: { args: 'jobPrefix' | 'id' | 'data' | 'lane'; reply: 0 | 1 };
  discard: { args: 'jobPrefix' | 'id'; reply: 0 | 1 };
  count: {
    args: 'jobPrefix';
    reply: [waiting: number, active: number, delayed: number, dead: number, oldestMs: string];
  };
  wake: { args: 'jobPrefix' | 'target'; reply: number };
  resume: { args: 'accountId'; reply: 0 | 1 };
  deadLetters: { args: 'afterMs' | 'afterId' | 'limit'; reply: string[] };
  findUnfinished: {
    args: 'jobPrefix' | 'cursor' | 'jobs' | 'mostFound' | 'texts';
    reply: [cursor: string, found: UnfinishedReply[]];
  };
  countLanes: { args: 'jobPrefix' | 'mostLooked'; reply: LaneReply[] };
  describeServer: { args: never; reply: string };
}

export type SettleReply = 'settled' | 'outrun' | 'missing';

export type LaneReply = [
  accountId: string,
  waiting: number,
  background: number,
  running: number,
  delayed: number,
  oldestMs: string,
];

export type UnfinishedReply = [id: string, data: string, progress: string | null];

/** The arguments of a script by name. */
export type ScriptArguments<N extends keyof QueueScripts> = Readonly<Record<QueueScripts[N]['args'], Text>>;

/** One of the items that a script deals with, by name. */
export type ScriptItem<N extends keyof QueueScripts> = Readonly<
  Record<QueueScripts[N] extends { readonly each: infer E extends string } ? E : never, Text>
>;

export type TakenReply = [
  id: string,
  data: string,
  progress: string | null,
  workerDeaths: string | null,
  coalesceKey: string | null,
  ranUntil: string | null,
  kind: 'prompt' | 'background',
  ticket: TicketReply,
];

export type TicketReply = [
  number: string,
  epoch: string,
  covered: string | null,
  observed: string | null,
  notBeforeMs: string | null,
  ownAge: string | null,
];

/** The keys that scripts name; each takes those that it needs. */
export type QueueKeys = Readonly<
  Record<
    | 'wait'
    | 'active'
    | 'delayed'
    | 'failed'
    | 'marker'
    | 'unfinished'
    | 'paused'
    | 'finished'
    | 'order'
    | 'any',
    string
  >
>;

const FILES: Readonly<Record<keyof QueueScripts, string>> = {
  accept: 'accept',
  take: 'take',
  renewTicket: 'renew-ticket',
  settle: 'settle',
  renewLocks: 'renew-locks',
  recover: 'recover',
  replay: 'replay',
  discard: 'discard',
  count: 'count',
  wake: 'wake',
  resume: 'resume',
  deadLetters: 'dead-letters',
  findUnfinished: 'find-unfinished',
  countLanes: 'count-lanes',
  describeServer: 'describe-server',
};

interface Script {
  readonly keys: readonly string[];
  readonly args: readonly string[];
  /** What is given for each item, behind the arguments. */
  readonly each: readonly string[];
  /** With the keys and arguments as local variables of their names. */
  readonly lua: string;
}

const SCRIPTS = Object.fromEntries(Object.entries(FILES).map(([name, file]) => [name, load(file)])) as Record<
  keyof QueueScripts,
  Script
>;

/** Runs the queue's scripts on one connection, each in one round trip. */
export class ScriptRunner {
  private readonly commands: Record<string, (...values: Text[]) => Promise<unknown>>;

  constructor(
    client: RedisClient,
    private readonly keys: QueueKeys,
  ) {
    for (const [name, { keys: keyNames, lua }] of Object.entries(SCRIPTS)) {
      client.defineCommand(name, { numberOfKeys: keyNames.length, lua });
    }
    this.commands = client as unknown as typeof this.commands;
  }

  async run<N extends keyof QueueScripts>(
    name: N,
    args: ScriptArguments<N>,
    keys: Partial<QueueKeys> = {},
    items: readonly ScriptItem<N>[] = [],
  ): Promise<QueueScripts[N]['reply']> {
    const values = valuesOf(name, { ...this.keys, ...keys }, args, items);
    return (await this.commands[name]!(...values)) as QueueScripts[N]['reply'];
  }

  /**
   * Adds a script to a pipeline with its whole text: in a pipeline a server that has forgotten the text would
   * refuse it, and the commands behind it would be run all the same.
   */
  inPipeline<N extends keyof QueueScripts>(
    pipeline: ChainableCommander,
    name: N,
    args: ScriptArguments<N>,
    items: readonly ScriptItem<N>[],
  ): ChainableCommander {
    const { lua, keys } = SCRIPTS[name];
    return pipeline.eval(lua, keys.length, ...valuesOf(name, this.keys, args, items));
  }
}

function valuesOf(
  name: keyof QueueScripts,
  keys: Readonly<Record<string, string>>,
  args: Readonly<Record<string, Text>>,
  items: readonly Readonly<Record<string, Text>>[],
): Text[] {
  const script = SCRIPTS[name];
  return [
    ...script.keys.map((key) => given(keys[key], `key ${key} of ${name}`)),
    ...script.args.map((arg) => given(args[arg], `argument ${arg} of ${name}`)),
    ...items.flatMap((item) =>
      script.each.map((field) => given(item[field], `${field} of an item of ${name}`)),
    ),
  ];
}

function given<T>(value: T | undefined, what: string): T {
  if (value === undefined) throw new TypeError(`Redis script: ${what} is missing`);
  return value;
}

/** Reads a script, its header and what it includes. */
function load(file: string): Script {
  const text = read(file);
  const keys = header(text, 'keys');
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

function read(file: string): string {
  return readFileSync(new URL(`lua/${file}.lua`, import.meta.url), 'utf8');
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
