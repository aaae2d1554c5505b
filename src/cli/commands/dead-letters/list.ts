import type { Command } from 'commander';
import type { DeadLetterPage, DeadLetterView } from '../../../admin/index.js';
import { type AdminOptions, withAdmin, withAdminOptions } from '../../admin/admin-session.js';
import { toLimit } from '../../arguments.js';
import type { Console } from '../../console.js';
import { type FilterOptions, filterOf, withFilterOptions } from '../../dead-letter-filter.js';
import { Output } from '../../output.js';

interface Options extends AdminOptions, FilterOptions {
  readonly limit: number;
}

/** Letters in one answer. */
const PAGE_SIZE = 200;

export function deadLettersListCommand(command: Command, console: Console): void {
  withFilterOptions(withAdminOptions(command))
    .option('--limit <number>', 'how many at most', toLimit, 100)
    .action(async (options: Options) => {
      const filter = filterOf(options);
      const { letters, total } = await withAdmin(console, options, async (admin) => {
        const found: DeadLetterView[] = [];
        let all = 0;
        let after: string | undefined;
        // A page may be empty although a later one is not.
        do {
          const limit = Math.min(PAGE_SIZE, options.limit - found.length);
          const page: DeadLetterPage = await admin.request<DeadLetterPage>({
            method: 'GET',
            path: '/dead-letters',
            query: { ...filter, limit, after },
          });
          found.push(...page.deadLetters);
          all = page.total;
          after = page.next;
        } while (after !== undefined && found.length < options.limit);
        return { letters: found, total: all };
      });
      const output = new Output(console, options.json === true);
      if (output.isJson) {
        await output.json({ total, deadLetters: letters });
        return;
      }
      await output.table(
        ['ID', 'FAILED AT', 'ORDER', 'NAME', 'CAUSE', 'ATTEMPTS', 'ERROR'],
        letters.map(({ id, diedAt, order, entity, name, cause, attempts, error }) => [
          id,
          diedAt,
          order?.ref ?? order?.id ?? entity.ref,
          name,
          cause,
          attempts,
          `${error.name}: ${error.message}`,
        ]),
      );
      await output.line(`shown: ${letters.length} of ${total} dead letters`);
    });
}
