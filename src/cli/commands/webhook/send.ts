import type { Command } from 'commander';
import { asError } from '../../../errors.js';
import { type Console, EXIT, UsageError } from '../../console.js';
import { Output } from '../../output.js';
import { readRequest } from '../../captured-file.js';
import { signFile } from '../../webhook-file.js';

/** Headers that belong to the connection of the captured request. */
const NOT_SENT = new Set([
  'host',
  'content-length',
  'connection',
  'transfer-encoding',
  'keep-alive',
  'expect',
]);
/** Longer than Fluent waits. */
const TIMEOUT_MS = 30_000;

interface Options {
  readonly to: string;
  readonly key?: string;
  readonly json?: boolean;
}

export function webhookSendCommand(command: Command, console: Console, end: (code: number) => void): void {
  command
    .argument('<file>', 'a captured request, or with --key a notification as JSON; - reads standard input')
    .requiredOption('--to <address>', 'the complete address of the webhook endpoint')
    .option('--key <file>', 'RSA private key (PEM) to sign the notification with')
    .option('--json', 'the answer as JSON')
    .action(async (file: string, { to, key, json }: Options) => {
      if (!URL.canParse(to) || !/^https?:/.test(to))
        throw new UsageError('--to must be an http:// or https:// address');
      const { headers, body } =
        key === undefined ? await readRequest(file, console) : await signFile(file, key, console);
      let response: Response;
      let text: string;
      try {
        response = await fetch(to, {
          method: 'POST',
          headers: Object.fromEntries(Object.entries(headers).filter(([name]) => !NOT_SENT.has(name))),
          body: new Uint8Array(body),
          redirect: 'error',
          signal: AbortSignal.any([console.signal, AbortSignal.timeout(TIMEOUT_MS)]),
        });
        text = await response.text();
      } catch (error) {
        console.signal.throwIfAborted();
        const { cause } = asError(error);
        const why = cause instanceof Error ? cause.message : asError(error).message;
        throw new Error(`${new URL(to).origin} cannot be reached: ${why}; check --to`, { cause: error });
      }
      const output = new Output(console, json === true);
      await (output.isJson
        ? output.json({ status: response.status, body: text })
        : output.line(`HTTP ${response.status}`, text));
      if (response.ok) return;
      if (!output.isJson)
        await output.line('run `doctor --webhook FILE` to see what is wrong with the request');
      end(EXIT.failed);
    });
}
