import { execFile } from 'node:child_process';
import { resolve } from 'node:path';
import { PassThrough, Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { run } from '../../src/cli/run.js';

/** What a command printed, and how it ended. */
export interface CommandResult {
  readonly code: number;
  readonly out: string;
  readonly error: string;
}

interface CommandOptions {
  readonly env?: Readonly<Record<string, string>>;
  readonly stdin?: string;
  /** Whether stdout and stderr are a terminal. */
  readonly isTTY?: boolean;
  readonly signal?: AbortSignal;
}

/** Runs a command in this process. */
export async function runCommand(
  args: readonly string[],
  { env = {}, stdin = '', isTTY = false, signal = new AbortController().signal }: CommandOptions = {},
): Promise<CommandResult> {
  const stdout = Object.assign(new PassThrough(), { isTTY });
  const stderr = Object.assign(new PassThrough(), { isTTY });
  const collected = Promise.all([text(stdout), text(stderr)]);
  const code = await run(args, { stdin: Readable.from([Buffer.from(stdin)]), stdout, stderr, env, signal });
  stdout.end();
  stderr.end();
  const [out, error] = await collected;
  return { code, out, error };
}

/** The command as it is shipped: the modules of a partner share its classes. */
export const BUILT_COMMAND = 'dist/cli/main.js';
/** In specs a bundle of the build, which starts in half of the time; see `bundle-connector.ts`. */
const DEFAULT_COMMAND = process.env['CONNECTOR_COMMAND_LINE'] ?? BUILT_COMMAND;

/** Runs the built command as a process of its own: nothing of the surrounding environment reaches it. */
export function runBinary(
  args: readonly string[],
  env: Readonly<Record<string, string>>,
  command = DEFAULT_COMMAND,
): Promise<CommandResult> {
  return new Promise((done) => {
    execFile(
      process.execPath,
      [resolve(command), ...args],
      { env: { PATH: process.env['PATH'], ...env }, maxBuffer: 16 * 1024 * 1024 },
      (failure, out, error) => done({ code: failure ? Number(failure.code ?? -1) : 0, out, error }),
    );
  });
}
