import type { Command } from 'commander';
import type { ReplayManyResult, ReplayResult } from '../../../admin/index.js';
import type { AdminApi } from '../../admin/admin-api.js';
import { type AdminOptions, withAdmin, withAdminOptions } from '../../admin/admin-session.js';
import { type Console, UsageError } from '../../console.js';
import { type FilterOptions, filterOf, withFilterOptions } from '../../dead-letter-filter.js';
import { Output } from '../../output.js';

interface Options extends AdminOptions, FilterOptions {
  readonly all?: boolean;
  readonly yes?: boolean;
  readonly reason?: string;
}

export function deadLettersReplayCommand(command: Command, console: Console): void {
  withFilterOptions(withAdminOptions(command))
    .argument('[id]', 'as `dead-letters list` prints it')
    .option('--all', 'every dead letter')
    .option('--yes', 'replay them; without it, only a preview is shown')
    .option('--reason <text>', 'for the audit log')
    .action(async (id: string | undefined, options: Options) => {
      const filter = filterOf(options);
      const isFiltered = Object.keys(filter).length > 0;
      if ([id !== undefined, isFiltered, options.all === true].filter(Boolean).length !== 1) {
        throw new UsageError('name one id, or a filter such as --cause permission, or --all');
      }
      const output = new Output(console, options.json === true);
      await withAdmin(console, options, async (admin) => {
        if (id !== undefined) await replayOne(id, options, admin, output);
        else await replayMany({ ...filter, all: options.all }, options, admin, output);
      });
    });
}

async function replayOne(
  id: string,
  { yes, reason }: Options,
  admin: AdminApi,
  output: Output,
): Promise<void> {
  const path = `/dead-letters/${encodeURIComponent(id)}`;
  if (!yes) {
    const letter = await admin.request<{ name: string; error: { message: string } }>({ method: 'GET', path });
    if (output.isJson) await output.json({ matched: 1, replayed: 0 });
    else
      await output.line(`would replay ${id} (${letter.name}: ${letter.error.message}); add --yes to do it`);
    return;
  }
  const { replayed } = await admin.request<ReplayResult>({
    method: 'POST',
    path: `${path}/replay`,
    query: { reason },
  });
  await (output.isJson
    ? output.json({ matched: 1, replayed: Number(replayed) })
    : output.line(`replayed ${id}`));
}

async function replayMany(
  filter: Readonly<Record<string, string | boolean | undefined>>,
  { yes = false, reason }: Options,
  admin: AdminApi,
  output: Output,
): Promise<void> {
  let result: ReplayManyResult | undefined;
  // One request counts or replays about ten thousand.
  do {
    const next = await admin.request<ReplayManyResult>({
      method: 'POST',
      path: '/dead-letters/replay',
      query: { ...filter, dryRun: !yes, reason, after: result?.next },
    });
    result = result ? sumOf(result, next) : next;
  } while (result.next !== undefined);
  if (output.isJson) {
    await output.json(result);
    return;
  }
  const { matched, replayed, byCause } = result;
  await output.table(['CAUSE', 'MATCHED'], Object.entries(byCause));
  await output.line(
    yes
      ? `replayed: ${replayed} of ${matched} dead letters`
      : `matching dead letters: ${matched}; add --yes to replay them`,
  );
}

function sumOf(one: ReplayManyResult, other: ReplayManyResult): ReplayManyResult {
  const causes = Object.entries(other.byCause).map(([cause, count]) => [
    cause,
    (one.byCause[cause] ?? 0) + count,
  ]);
  return {
    matched: one.matched + other.matched,
    replayed: one.replayed + other.replayed,
    byCause: Object.fromEntries(causes) as ReplayManyResult['byCause'],
    more: other.more,
    ...(other.next !== undefined && { next: other.next }),
  };
}
