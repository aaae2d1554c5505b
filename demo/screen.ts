import { clearScreenDown, cursorTo, moveCursor } from 'node:readline';
import { stripVTControlCharacters, styleText } from 'node:util';
import type { CommercetoolsOrderRecord, FluentOrderRecord } from '../src/testing/index.js';
import { agreesWithHistory } from '../test/support/agreement.js';

/** One order on both sides. */
export interface OrderPair {
  readonly fluent: FluentOrderRecord;
  readonly commercetools: CommercetoolsOrderRecord;
}

/** What the screen shows beside the orders. */
export interface Figures {
  readonly webhooks: number;
  readonly perSecond: number;
  readonly syncs: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
}

/** Shows orders as they move: a table that redraws itself on a terminal, a line per change elsewhere. */
export abstract class Screen {
  static create(): Screen {
    return process.stdout.isTTY ? new LiveTable() : new PlainLines();
  }

  abstract show(orders: readonly OrderPair[], figures: Figures): void;

  say(text: string): void {
    console.log(text);
  }
}

class LiveTable extends Screen {
  private drawn = 0;

  override show(orders: readonly OrderPair[], figures: Figures): void {
    const { columns, rows } = process.stdout;
    const room = Math.max(3, rows - 5);
    const head = styleText('bold', row('order', 'Fluent', 'commercetools'));
    const lines = [
      head,
      ...orders.slice(0, room).map(({ fluent, commercetools }) => {
        const same = agreesWithHistory(commercetools, fluent);
        const mark = same ? styleText('green', '= ') : styleText('yellow', '… ');
        return mark + row(fluent.ref, fluent.status, states(commercetools)).slice(2);
      }),
      ...(orders.length > room ? [styleText('dim', `  and ${orders.length - room} more`)] : []),
      styleText(
        'cyan',
        `  ${figures.webhooks} webhooks (${figures.perSecond}/s)   ${figures.syncs} syncs   ` +
          `lag p50 ${figures.p50Ms} ms, p99 ${figures.p99Ms} ms`,
      ),
    ].map((line) => (stripVTControlCharacters(line).length > columns ? cut(line, columns) : line));
    if (this.drawn > 0) {
      moveCursor(process.stdout, 0, -this.drawn);
      cursorTo(process.stdout, 0);
      clearScreenDown(process.stdout);
    }
    process.stdout.write(`${lines.join('\n')}\n`);
    this.drawn = lines.length;
  }

  override say(text: string): void {
    super.say(text);
    this.drawn = 0;
  }
}

class PlainLines extends Screen {
  private readonly shown = new Map<string, string>();

  override show(orders: readonly OrderPair[]): void {
    for (const { fluent, commercetools } of orders) {
      const line = row(fluent.ref, fluent.status, states(commercetools)).trimEnd();
      if (this.shown.get(fluent.id) === line) continue;
      this.shown.set(fluent.id, line);
      console.log(`${agreesWithHistory(commercetools, fluent) ? '=' : '…'} ${line.slice(2)}`);
    }
  }
}

function row(...cells: string[]): string {
  const [order = '', fluent = '', commercetools = ''] = cells;
  return `  ${order.padEnd(10)}${fluent.padEnd(30)}${commercetools}`;
}

function states({ orderState, paymentState, shipmentState }: CommercetoolsOrderRecord): string {
  return `${orderState.padEnd(12)}${(paymentState ?? '-').padEnd(10)}${shipmentState ?? '-'}`;
}

function cut(line: string, columns: number): string {
  return `${stripVTControlCharacters(line).slice(0, Math.max(0, columns - 1))}…`;
}
