import type { Command } from 'commander';
import type { SyncView } from '../../admin/index.js';
import { type AdminOptions, withAdmin, withAdminOptions } from '../admin/admin-session.js';
import type { Console } from '../console.js';
import {
  type OrderOptions,
  outcomeCell,
  printDifference,
  printHooks,
  printReasons,
  withOrderOptions,
} from '../order-output.js';
import { Output } from '../output.js';

interface Options extends AdminOptions, OrderOptions {
  readonly dryRun?: boolean;
  readonly reason?: string;
}

export function syncCommand(command: Command, console: Console): void {
  withOrderOptions(withAdminOptions(command))
    .argument('<ref>', "the order's ref in Fluent")
    .option('--dry-run', 'show what would be sent and why, and send nothing')
    .option('--reason <text>', 'for the audit log')
    .action(async (ref: string, options: Options) => {
      const { account, retailer, dryRun = false, reason } = options;
      const result = await withAdmin(console, options, (admin) =>
        admin.request<SyncView>({
          method: 'POST',
          path: `/orders/${encodeURIComponent(ref)}/sync`,
          query: { account, retailer, dryRun, reason },
        }),
      );
      const output = new Output(console, options.json === true);
      await (output.isJson ? output.json(result) : print(ref, result, output));
    });
}

async function print(ref: string, result: SyncView, output: Output): Promise<void> {
  const { outcome, dryRun, fluent, commercetools, difference, reasons, hooks } = result;
  const verb = dryRun ? 'would end' : 'ended';
  await output.line(
    `sync of ${ref} ${verb}`,
    outcomeCell(outcome),
    `(Fluent ${fluent.status}, commercetools order ${commercetools.id}, version ${commercetools.version})`,
  );
  await printDifference(difference, output);
  await printReasons(reasons, output);
  await printHooks(hooks, output);
}
