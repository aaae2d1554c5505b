import { Command } from 'commander';
import type { AccountList, AccountView } from '../../admin/index.js';
import { type AdminOptions, withAdmin, withAdminOptions } from '../admin/admin-session.js';
import type { Console } from '../console.js';
import { Output } from '../output.js';

interface ChangeOptions extends AdminOptions {
  readonly reason?: string;
}

/** `accounts list`, `pause` and `resume`. */
export function accountsCommand(console: Console): Command {
  const accounts = new Command('accounts').description('the work of each Fluent account');
  accounts.addCommand(
    withAdminOptions(new Command('list'))
      .description('list the accounts with what waits, and what holds them back')
      .action(async (options: AdminOptions) => {
        const list = await withAdmin(console, options, (admin) =>
          admin.request<AccountList>({ method: 'GET', path: '/accounts' }),
        );
        const output = new Output(console, options.json === true);
        await (output.isJson ? output.json(list) : print(list.accounts, output));
      }),
  );
  accounts.addCommand(
    changeCommand(console, 'pause')
      .description('stop the delivery of its notifications in all replicas; webhooks are still accepted')
      .requiredOption('--reason <text>', 'for the audit log, and for others who look'),
  );
  accounts.addCommand(
    changeCommand(console, 'resume')
      .description('deliver its notifications again')
      .option('--reason <text>', 'for the audit log'),
  );
  return accounts;
}

function changeCommand(console: Console, change: 'pause' | 'resume'): Command {
  return withAdminOptions(new Command(change))
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
