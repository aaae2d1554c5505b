import type { Command } from 'commander';
import type { OrderNow } from '../admin/index.js';
import type { Cell, Output } from './output.js';

/** Which order a ref means. */
export interface OrderOptions {
  readonly account?: string;
  readonly retailer?: string;
}

export function withOrderOptions(command: Command): Command {
  return command
    .option('--account <id>', 'Fluent account, when several are configured')
    .option('--retailer <id>', 'retailer, when several have an order with the ref');
}

const RED: ReadonlySet<string> = new Set(['dead', 'retried']);

export function outcomeCell(outcome: string): Cell {
  return { text: outcome, colour: RED.has(outcome) ? 'red' : outcome === 'waiting' ? 'yellow' : 'green' };
}

export async function printDifference(difference: OrderNow['difference'], output: Output): Promise<void> {
  if (difference.length === 0) return;
  await output.line();
  await output.table(
    ['DIFFERENCE', 'IS', 'SHOULD BE'],
    difference.map(({ state, is, shouldBe }) => [
      state,
      { text: is ?? 'unset', colour: 'red' },
      { text: shouldBe, colour: 'green' },
    ]),
  );
}

export async function printReasons(reasons: NonNullable<OrderNow['reasons']>, output: Output): Promise<void> {
  await output.line();
  await output.table(['STATE', 'WHY'], Object.entries(reasons));
}

export async function printHooks(hooks: OrderNow['hooks'], output: Output): Promise<void> {
  if (hooks.length === 0) return;
  await output.line();
  await output.table(
    ['HOOK', 'UPDATE ACTIONS'],
    hooks.map(({ hook, actions, lost }) => [
      hook,
      lost === undefined
        ? `${actions.length}${actions.length > 0 ? `: ${actions.join(', ')}` : ''}`
        : { text: `left out: ${lost}`, colour: 'red' },
    ]),
  );
}
