import type { Command } from 'commander';
import type { Console } from '../../console.js';
import { signFile } from '../../webhook-file.js';

/** The path in the request line; `webhook send` has the address. */
const PATH = '/api/v1/fluent-connect/webhook';

interface Options {
  readonly key: string;
  readonly json?: boolean;
}

export function webhookSignCommand(command: Command, console: Console): void {
  command
    .argument('<file>', 'the notification as JSON; - reads standard input')
    .requiredOption('--key <file>', 'RSA private key (PEM) whose public key is in FLUENT_WEBHOOK_PUBLIC_KEYS')
    .option('--json', 'as JSON, with headers and bodyBase64')
    .action(async (file: string, { key, json }: Options) => {
      const { headers, body } = await signFile(file, key, console);
      if (json) {
        const text = JSON.stringify({ headers, bodyBase64: body.toString('base64') }, undefined, 2);
        console.stdout.write(`${text}\n`);
        return;
      }
      const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
      // Without a line break after the body: it would belong to it.
      console.stdout.write(
        Buffer.concat([Buffer.from(`POST ${PATH} HTTP/1.1\r\n${lines.join('')}\r\n`), body]),
      );
    });
}
