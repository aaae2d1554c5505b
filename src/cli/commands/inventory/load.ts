import type { Command } from 'commander';
import { FileLoadState, FluentBatches, type LoadResult } from '../../../fluent-batches/index.js';
import { FluentEndpoints } from '../../../fluent/index.js';
import { type Console, EXIT, printLine } from '../../console.js';
import { type FluentOptions, scopeOf, withFluent, withFluentOptions } from '../../fluent-session.js';
import { checkInventory, readInventory } from '../../inventory-file.js';
import { progressOn } from '../../progress.js';
import { defaultStateFolder } from '../../state-folder.js';

interface Options extends FluentOptions {
  readonly stateDir?: string;
  readonly restart?: boolean;
}

export function inventoryLoadCommand(command: Command, console: Console, end: (code: number) => void): void {
  withFluentOptions(command)
    .argument('<file>', '.csv with a header, .json with a list, or .jsonl: locationRef, skuRef, qty, …')
    .option('--state-dir <folder>', 'where it remembers what was sent')
    .option('--restart', 'send everything again after an interruption')
    .action(async (file: string, options: Options) => {
      const { entities, fingerprint } = await checkInventory(file);
      const result = await withFluent(console, async (services) => {
        const state = new FileLoadState(options.stateDir ?? defaultStateFolder(console.env));
        const batches = new FluentBatches(services.get(FluentEndpoints), state);
        const scope = scopeOf(options);
        if (options.restart) await batches.forget(fingerprint, scope);
        const display = progressOn(console);
        try {
          const loaded = await batches.load(readInventory(file), {
            ...scope,
            loadId: fingerprint,
            signal: console.signal,
            onProgress: ({ batchesDone, entitiesDone, entitiesFailed }) =>
              display.show(
                entitiesDone / entities,
                `${batchesDone} batches finished, ${entitiesDone} of ${entities} entities, ${entitiesFailed} failed`,
              ),
          });
          // The same file may be loaded again tomorrow.
          await batches.forget(fingerprint, scope);
          return loaded;
        } finally {
          display.end();
        }
      });
      if (options.json) await printLine(console.stdout, JSON.stringify(result));
      else await report(result, console);
      if (result.entitiesFailed > 0) end(EXIT.failed);
    });
}

async function report(result: LoadResult, { stdout, stderr }: Console): Promise<void> {
  for (const { index, code, message, batchId } of result.failures) {
    const where = index === undefined ? `batch ${batchId}` : `entity ${index + 1}`;
    await printLine(stderr, `${where}: ${code ? `${code} ` : ''}${message}`);
  }
  const { entitiesDone, entitiesFailed, batchesDone, batchesResumed, jobIds } = result;
  const resumed = batchesResumed > 0 ? `, ${batchesResumed} of them earlier` : '';
  await printLine(
    stdout,
    `${entitiesDone - entitiesFailed} of ${entitiesDone} entities loaded in ${batchesDone} batches${resumed} ` +
      `(job ${jobIds.join(', ')})`,
  );
}
