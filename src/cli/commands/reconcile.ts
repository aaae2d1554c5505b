import { setTimeout as delay } from 'node:timers/promises';
import type { Command } from 'commander';
import type { BackfillList, BackfillView } from '../../admin/index.js';
import type { AdminApi } from '../admin/admin-api.js';
import { type AdminOptions, withAdmin, withAdminOptions } from '../admin/admin-session.js';
import { toDate } from '../arguments.js';
import { type Console, EXIT, UsageError } from '../console.js';
import { type OrderOptions, withOrderOptions } from '../order-output.js';
import { Output } from '../output.js';
import { type Progress, progressOn } from '../progress.js';

const POLL_MS = 500;
const UNFINISHED: ReadonlySet<string> = new Set(['running', 'paused']);

interface Options extends AdminOptions, OrderOptions {
  readonly from?: Date;
  readonly to?: Date;
  readonly follow?: string;
  readonly cancel?: string;
  readonly list?: boolean;
  /** False with `--no-wait`. */
  readonly wait: boolean;
  readonly reason?: string;
}

export function reconcileCommand(command: Command, console: Console, end: (code: number) => void): void {
  withOrderOptions(withAdminOptions(command))
    .option('--from <time>', 'beginning of the range (ISO 8601)', toDate)
    .option('--to <time>', 'end of the range (default: now)', toDate)
    .option('--no-wait', 'do not wait until all orders are submitted')
    .option('--follow <id>', 'show the progress of a reconcile that was started before')
    .option('--cancel <id>', 'cancel a reconcile; what it has submitted stays in the queue')
    .option('--list', 'list running and earlier reconciles')
    .option('--reason <text>', 'for the audit log')
    .action(async (options: Options) => {
      const { from, follow, cancel, list } = options;
      if ([from, follow, cancel, list].filter((given) => given !== undefined).length !== 1) {
        throw new UsageError('give one of --from, --follow, --cancel and --list');
      }
      const output = new Output(console, options.json === true);
      const results = await withAdmin(console, options, (admin) => run(options, admin, console));
      await (output.isJson
        ? output.json(list ? { backfills: results } : results[0])
        : print(results, output));
      if (!list && results.some(({ state }) => state === 'failed')) end(EXIT.failed);
    });
}

async function run(options: Options, admin: AdminApi, console: Console): Promise<readonly BackfillView[]> {
  const { from, to, account, retailer, reason, follow, cancel, list, wait } = options;
  if (list) return (await admin.request<BackfillList>({ method: 'GET', path: '/reconcile' })).backfills;
  if (cancel !== undefined) {
    const path = `/reconcile/${encodeURIComponent(cancel)}`;
    return [await admin.request<BackfillView>({ method: 'DELETE', path, query: { reason } })];
  }
  const started =
    follow === undefined
      ? await admin.request<BackfillView>({
          method: 'POST',
          path: '/reconcile',
          query: { from: from?.toISOString(), to: to?.toISOString(), account, retailer, reason },
        })
      : await find(follow, admin);
  if (!wait) return [started];
  const progress = progressOn(console);
  try {
    return [await untilEnded(started, admin, progress, console.signal)];
  } finally {
    progress.end();
  }
}

/** The work continues when the command is interrupted. */
async function untilEnded(
  started: BackfillView,
  admin: AdminApi,
  progress: Progress,
  signal: AbortSignal,
): Promise<BackfillView> {
  for (let now = started; ; now = await find(started.id, admin)) {
    const from = Date.parse(now.from);
    const share =
      now.state === 'finished' ? 1 : (Date.parse(now.position) - from) / (Date.parse(now.to) - from);
    const problem = now.problem === undefined ? '' : `, ${now.state}: ${now.problem}`;
    progress.show(Math.min(Math.max(share, 0), 1), `${now.submitted} orders submitted${problem}`);
    if (!UNFINISHED.has(now.state)) return now;
    await delay(POLL_MS, undefined, { signal });
  }
}

function find(id: string, admin: AdminApi): Promise<BackfillView> {
  return admin.request<BackfillView>({ method: 'GET', path: `/reconcile/${encodeURIComponent(id)}` });
}

async function print(results: readonly BackfillView[], output: Output): Promise<void> {
  await output.table(
    ['ID', 'STATE', 'FROM', 'TO', 'ACCOUNT', 'FOUND', 'SUBMITTED', 'PROBLEM'],
    results.map(({ id, state, from, to, account, ordersFound, submitted, problem }) => [
      id,
      { text: state, colour: state === 'failed' ? 'red' : UNFINISHED.has(state) ? 'yellow' : 'green' },
      from,
      to,
      account,
      ordersFound,
      submitted,
      problem ?? '',
    ]),
  );
}
