import { existsSync } from 'node:fs';
import { relative, resolve } from 'node:path';
import type { Command } from 'commander';
import { bundleApplication } from '../bundle-application.js';
import { type Console, UsageError } from '../console.js';
import { Output } from '../output.js';

export function bundleCommand(command: Command, console: Console): void {
  command
    .argument('<file>', 'the compiled file that starts the application, for example dist/main.js')
    .option('--json', 'as JSON')
    .action(async (file: string, { json = false }: { readonly json?: boolean }) => {
      const path = resolve(file);
      if (!existsSync(path)) throw new UsageError(`${file} does not exist; build the application first`);
      const bundle = await bundleApplication(path);
      const output = new Output(console, json);
      const main = relative('', bundle.main);
      if (output.isJson) return output.json({ ...bundle, main });
      const megabytes = (bundle.bytes / 1e6).toFixed(1);
      await output.line(
        `${main}: ${bundle.modules} files of the application and its libraries in ${bundle.files}, ${megabytes} MB`,
      );
    });
}
