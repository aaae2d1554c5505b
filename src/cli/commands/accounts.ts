import type { Command } from 'commander';
import type { AccountList, AccountView } from '../../admin/index.js';
import { type AdminOptions, withAdmin, withAdminOptions } from '../admin/admin-session.js';
import type { Console } from '../console.js';
import { Output } from '../output.js';

interface ChangeOptions extends AdminOptions {
  readonly reason?: string;
}

export function accountsListCommand(command: Command, console: Console): void {
  withAdminOptions(command).action(async (options: AdminOptions) => {
    const list = await withAdmin(console, options, (admin) =>
      admin.request<AccountList>({ method: 'GET', path: '/accounts' }),
    );
    const output = new Output(console, options.json === true);
    await (output.isJson ? output.json(list) : print(list.accounts, output));
  });
}

export function accountsPauseCommand(command: Command, console: Console): void {
  changeCommand(command, console, 'pause').requiredOption(
    '--reason <text>',
    'for the audit log, and for others who look',
  );
}

export function accountsResumeCommand(command: Command, console: Console): void {
  changeCommand(command, console, 'resume').option('--reason <text>', 'for the audit log');
}

function changeCommand(command: Command, console: Console, change: 'pause' | 'resume'): Command {
  return withAdminOptions(command)
    .argument('<account>', 'id of the Fluent account')
    .action(async (id: string, options: ChangeOptions) => {
      const { reason } = options;
      const account = await withAdmin(console, options, (admin) =>
        admin.request<AccountView>({
          method: 'POST',
          path: `/accounts/${encodeURIComponent(id)}/${change}`,
          body: reason === undefined ? {} : { reason },
        }),
      );
      const output = new Output(console, options.json === true);
      await (output.isJson ? output.json(account) : print([account], output));
    });
}

async function print(accounts: readonly AccountView[], output: Output): Promise<void> {
  await output.table(
    ['ACCOUNT', 'DELIVERY', 'WAITING', 'BACKGROUND', 'RUNNING', 'DELAYED', 'OLDEST UNFINISHED'],
    accounts.map(({ account, pause, lanes, oldestUnfinishedAt }) => [
      account,
      pause
        ? { text: `paused by ${pause.by} since ${pause.since}: ${pause.reason}`, colour: 'yellow' as const }
        : { text: 'on', colour: 'green' as const },
      lanes.waiting,
      lanes.background,
      lanes.running,
      lanes.delayed,
      oldestUnfinishedAt,
    ]),
  );
}
