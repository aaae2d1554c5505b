import type { Command } from 'commander';
import type { IgnoredView } from '../../admin/index.js';
import { type AdminOptions, withAdmin, withAdminOptions } from '../admin/admin-session.js';
import type { Console } from '../console.js';
import { Output } from '../output.js';

export function ignoredCommand(command: Command, console: Console): void {
  withAdminOptions(command).action(async (options: AdminOptions) => {
    const view = await withAdmin(console, options, (admin) =>
      admin.request<IgnoredView>({ method: 'GET', path: '/ignored' }),
    );
    const output = new Output(console, options.json === true);
    if (output.isJson) {
      await output.json(view);
      return;
    }
    await output.table(
      ['ACCOUNT', 'NAME', 'COUNT'],
      view.ignored.map(({ account, name, count }) => [account, name, count]),
    );
    if (view.ignored.length === 0)
      await output.line('every webhook since the start of the replicas had a handler');
  });
}
