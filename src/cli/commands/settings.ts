import type { Command } from 'commander';
import type { SettingsView } from '../../admin/index.js';
import { type AdminOptions, withAdmin, withAdminOptions } from '../admin/admin-session.js';
import type { AdminRequest } from '../admin/admin-api.js';
import { type Console, EXIT } from '../console.js';
import { Output } from '../output.js';

interface RefreshOptions extends AdminOptions {
  readonly reason?: string;
}

export function settingsListCommand(command: Command, console: Console, end: (code: number) => void): void {
  withAdminOptions(command).action((options: AdminOptions) =>
    show({ method: 'GET', path: '/settings' }, options, console, end),
  );
}

export function settingsRefreshCommand(
  command: Command,
  console: Console,
  end: (code: number) => void,
): void {
  withAdminOptions(command)
    .option('--reason <text>', 'for the audit log')
    .action(({ reason, ...options }: RefreshOptions) =>
      show({ method: 'POST', path: '/settings/refresh', query: { reason } }, options, console, end),
    );
}

async function show(
  request: AdminRequest,
  options: AdminOptions,
  console: Console,
  end: (code: number) => void,
): Promise<void> {
  const view = await withAdmin(console, options, (admin) => admin.request<SettingsView>(request));
  const output = new Output(console, options.json === true);
  await (output.isJson ? output.json(view) : print(view, output));
  if (view.settings.some(({ problems }) => problems.length > 0)) end(EXIT.failed);
}

async function print({ settings }: SettingsView, output: Output): Promise<void> {
  await output.table(
    ['ACCOUNT', 'RETAILER', 'MAPPING', 'SETTING', 'CONTEXT', 'ENTRIES', 'READ AT', 'STATE'],
    settings.map(
      ({ account, retailer, mapping, names, name, context, entries, readAt, isStale, problems }) => [
        account,
        retailer,
        mapping,
        name ?? names[0],
        context,
        Object.keys(entries).length,
        readAt,
        problems.length > 0
          ? { text: 'wrong', colour: 'red' }
          : isStale
            ? { text: 'outdated: Fluent did not answer', colour: 'yellow' }
            : { text: 'valid', colour: 'green' },
      ],
    ),
  );
  for (const { account, retailer, mapping, problems } of settings) {
    for (const problem of problems) {
      await output.line(
        { text: 'FAIL', colour: 'red' },
        `${mapping} mapping of retailer ${retailer} of account ${account}: ${problem}`,
      );
    }
  }
}
