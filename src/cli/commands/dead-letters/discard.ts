import type { Command } from 'commander';
import type { DeadLetterView } from '../../../admin/index.js';
import { type AdminOptions, withAdmin, withAdminOptions } from '../../admin/admin-session.js';
import type { Console } from '../../console.js';
import { Output } from '../../output.js';

interface Options extends AdminOptions {
  readonly yes?: boolean;
  readonly reason: string;
}

export function deadLettersDiscardCommand(command: Command, console: Console): void {
  withAdminOptions(command)
    .argument('<id>', 'as `dead-letters list` prints it')
    .requiredOption('--reason <text>', 'for the audit log')
    .option('--yes', 'remove it; without it, only a preview is shown')
    .action(async (id: string, options: Options) => {
      const { reason, yes = false } = options;
      const path = `/dead-letters/${encodeURIComponent(id)}`;
      const output = new Output(console, options.json === true);
      await withAdmin(console, options, async (admin) => {
        if (yes) {
          await admin.request({ method: 'DELETE', path, query: { reason } });
          await (output.isJson ? output.json({ discarded: true }) : output.line(`discarded ${id}`));
          return;
        }
        const { name, error } = await admin.request<DeadLetterView>({ method: 'GET', path });
        if (output.isJson) await output.json({ discarded: false });
        else await output.line(`would discard ${id} (${name}: ${error.message}); add --yes to do it`);
      });
    });
}
