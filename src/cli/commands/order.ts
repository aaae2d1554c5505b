import type { Command } from 'commander';
import type { OrderView } from '../../admin/index.js';
import { type AdminOptions, withAdmin, withAdminOptions } from '../admin/admin-session.js';
import { type Console, EXIT } from '../console.js';
import { type OrderOptions, outcomeCell, withOrderOptions } from '../order-output.js';
import { printDifference, printHooks, printReasons } from '../order-output.js';
import { Output } from '../output.js';

type Options = AdminOptions & OrderOptions;

export function orderCommand(command: Command, console: Console, end: (code: number) => void): void {
  withOrderOptions(withAdminOptions(command))
    .argument('<ref>', "the order's ref in Fluent")
    .action(async (ref: string, options: Options) => {
      const { account, retailer } = options;
      const order = await withAdmin(console, options, (admin) =>
        admin.request<OrderView>({
          method: 'GET',
          path: `/orders/${encodeURIComponent(ref)}`,
          query: { account, retailer },
        }),
      );
      const output = new Output(console, options.json === true);
      await (output.isJson ? output.json(order) : print(order, output));
      if (order.now.problem || !order.now.fluent || !order.now.commercetools) end(EXIT.failed);
    });
}

async function print(
  { ref, account, retailer, verdict, now, story }: OrderView,
  output: Output,
): Promise<void> {
  const { fluent, commercetools, mappings, statusHistory, statusHistoryProblem } = now;
  await output.line({ text: verdict, colour: 'bold' });
  await output.line();
  const rows = [
    ['order', `${ref} (account ${account}${retailer === undefined ? '' : `, retailer ${retailer}`})`],
  ];
  if (fluent) rows.push(['Fluent', `${fluent.status}, updated ${fluent.updatedOn ?? '-'}, id ${fluent.id}`]);
  if (commercetools) {
    const { orderState, paymentState, shipmentState, version, id, project } = commercetools;
    const states = [orderState, paymentState, shipmentState].map((state) => state ?? 'unset').join(' / ');
    rows.push(['commercetools', `${states}, version ${version}, id ${id}, project ${project}`]);
  }
  const passed = statusHistory?.map(({ status }) => status).join(' > ');
  rows.push(['history', passed ?? `not known: ${statusHistoryProblem ?? 'the order could not be read'}`]);
  await output.table([], rows);
  await printDifference(now.difference, output);
  if (now.reasons) await printReasons(now.reasons, output);
  await printHooks(now.hooks, output);
  if (mappings.length > 0) {
    await output.line();
    await output.table(
      ['MAPPING', 'STATUS', 'VALUE', 'SETTING', 'CONTEXT'],
      mappings.map(({ state, status, value, setting, context }) => [state, status, value, setting, context]),
    );
  }
  await output.line();
  await printStory(story, output);
}

async function printStory({ notifications, problem }: OrderView['story'], output: Output): Promise<void> {
  const isEmpty = notifications.length === 0;
  if (problem !== undefined) await output.line(isEmpty ? 'no story:' : 'incomplete story:', problem);
  else if (isEmpty) await output.line('no story: no notification of this order is on record');
  await output.table(
    ['ACCEPTED', 'SOURCE', 'ANNOUNCED', 'OUTCOME', 'AT', 'ATTEMPTS', 'ERROR'],
    notifications.map(({ acceptedAt, source, announced, outcome, at, attempts, error, deadLetterId }) => [
      acceptedAt,
      source,
      announced,
      outcomeCell(outcome),
      at,
      attempts,
      error
        ? `${error.name}: ${error.message}${deadLetterId === undefined ? '' : ` (dead letter ${deadLetterId})`}`
        : '',
    ]),
  );
}
