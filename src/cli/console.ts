import type { Readable, Writable } from 'node:stream';
import type { Environment } from '../config/index.js';
import { escapeControls } from '../escape-controls.js';

/** The streams and signal of a command. It writes results to stdout and everything else to stderr. */
export interface Console {
  readonly stdin: Readable;
  readonly stdout: Writable & { readonly isTTY?: boolean };
  readonly stderr: Writable & { readonly isTTY?: boolean };
  readonly env: Environment;
  /** Aborted when the user ends the command. */
  readonly signal: AbortSignal;
}

/** How a command ends. */
export const EXIT = {
  done: 0,
  /** Something was refused, failed or is wrong, or a system could not be reached. */
  failed: 1,
  /** The command line, a file or the configuration is wrong; nothing was sent. */
  usage: 2,
  /** Ended by a signal. */
  interrupted: 130,
} as const;

/** A mistake that the user must correct before the command can send anything. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}

/** Resolves when the stream has taken the line, so a slow reader slows the writer down. */
export async function printLine(stream: Writable, line: string): Promise<void> {
  // Names and messages come from Fluent's data; they must not control the terminal.
  await printSafe(stream, line.split('\n').map(escapeControls).join('\n'));
}

/** Prints text whose parts were escaped already. */
export async function printSafe(stream: Writable, text: string): Promise<void> {
  if (stream.write(`${text}\n`)) return;
  await new Promise<void>((resolve) => stream.once('drain', resolve));
}
