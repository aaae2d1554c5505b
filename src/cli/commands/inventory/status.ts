import type { Command } from 'commander';
import {
  type BatchStatus,
  FileLoadState,
  FluentBatches,
  type JobStatus,
} from '../../../fluent-batches/index.js';
import { FluentEndpoints } from '../../../fluent/index.js';
import { type Console, printLine } from '../../console.js';
import { type FluentOptions, scopeOf, withFluent, withFluentOptions } from '../../fluent-session.js';
import { defaultStateFolder } from '../../state-folder.js';

export function inventoryStatusCommand(command: Command, console: Console): void {
  withFluentOptions(command)
    .argument('<job>', 'id of the job, as `inventory load` prints it')
    .argument('[batch]', 'id of the batch')
    .action(async (jobId: string, batchId: string | undefined, options: FluentOptions) => {
      const request = { ...scopeOf(options), signal: console.signal };
      const lines = await withFluent(console, async (services) => {
        const state = new FileLoadState(defaultStateFolder(console.env));
        const batches = new FluentBatches(services.get(FluentEndpoints), state);
        if (batchId === undefined) {
          const job = await batches.jobStatus(jobId, request);
          return options.json ? [JSON.stringify({ jobId, ...job })] : linesOfJob(jobId, job);
        }
        const batch = await batches.status(jobId, batchId, request);
        return options.json ? [JSON.stringify({ jobId, batchId, ...batch })] : linesOfBatch(batchId, batch);
      });
      for (const line of lines) await printLine(console.stdout, line);
    });
}

function linesOfJob(jobId: string, { name, status, batches }: JobStatus): string[] {
  const head = ['job', jobId, status, ...(name === undefined ? [] : [name])].join('  ');
  return [head, ...batches.map((batch) => `batch  ${batch.batchId}  ${batch.status ?? '-'}`)];
}

function linesOfBatch(batchId: string, batch: BatchStatus): string[] {
  const { status, processedEntities = '-', totalEntities = '-', errors } = batch;
  return [
    `batch  ${batchId}  ${status}  ${processedEntities} of ${totalEntities} entities, ${errors.length} refused`,
    ...errors.map(({ code, message, entityIndex }) => {
      const where = entityIndex === undefined ? 'batch' : `entity ${entityIndex + 1} of the batch`;
      return `${where}: ${code === undefined ? '' : `${code} `}${message}`;
    }),
  ];
}
