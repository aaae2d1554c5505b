import type { Command } from 'commander';
import type { DeadLetterView } from '../../../admin/index.js';
import { type AdminOptions, withAdmin, withAdminOptions } from '../../admin/admin-session.js';
import type { Console } from '../../console.js';
import { Output } from '../../output.js';

export function deadLettersShowCommand(command: Command, console: Console): void {
  withAdminOptions(command)
    .argument('<id>', 'as `dead-letters list` prints it')
    .action(async (id: string, options: AdminOptions) => {
      const letter = await withAdmin(console, options, (admin) =>
        admin.request<DeadLetterView>({ method: 'GET', path: `/dead-letters/${encodeURIComponent(id)}` }),
      );
      const output = new Output(console, options.json === true);
      if (output.isJson) {
        await output.json(letter);
        return;
      }
      const { error, cause, advice, order, entity, name, notificationId, attempts } = letter;
      await output.table(
        [],
        [
          ['id', letter.id],
          ['order', order ? `${order.ref ?? '-'} (Fluent id ${order.id})` : '-'],
          ['entity', `${entity.type} ${entity.ref} (${entity.id})`],
          ['notification', `${name}, ${notificationId}`],
          ['account', `${letter.account}, retailer ${letter.retailer}`],
          ['accepted', letter.acceptedAt],
          ['first failed', letter.firstFailedAt],
          ['failed for good', `${letter.diedAt}, after ${attempts} attempts`],
          ['error', { text: `${error.name}: ${error.message}`, colour: 'red' }],
          ['cause', cause],
          ['what to do', advice],
        ],
      );
    });
}
