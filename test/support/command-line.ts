import { execFile } from 'node:child_process';
import { PassThrough, Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { run } from '../../src/cli/run.js';
import { BASE_ENVIRONMENT, buildPath } from './build-path.js';

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

/** Runs the built command as a process of its own: nothing of the surrounding environment reaches it. */
export function runBinary(
  args: readonly string[],
  env: Readonly<Record<string, string>>,
): Promise<CommandResult> {
  return new Promise((done) => {
    execFile(
      process.execPath,
      [buildPath('cli/main.js'), ...args],
      { env: { ...BASE_ENVIRONMENT, ...env }, maxBuffer: 16 * 1024 * 1024 },
      (failure, out, error) => done({ code: failure ? Number(failure.code ?? -1) : 0, out, error }),
    );
  });
}
