import { styleText } from 'node:util';
import { escapeControls } from '../escape-controls.js';
import { type Console, printSafe } from './console.js';

export type Colour = 'red' | 'yellow' | 'green' | 'cyan' | 'dim' | 'bold';

/** Text in a colour that only a terminal shows. */
export interface Coloured {
  readonly text: string;
  readonly colour: Colour;
}

export type Cell = string | number | Coloured | undefined;

/** Prints results to stdout: as tables for people, or as JSON for scripts. */
export class Output {
  private readonly hasColours: boolean;

  constructor(
    private readonly console: Console,
    /** Whether results are JSON. */
    readonly isJson: boolean,
  ) {
    const { stdout, env } = console;
    // https://no-color.org
    this.hasColours = stdout.isTTY === true && !env['NO_COLOR'] && env['TERM'] !== 'dumb';
  }

  /** Prints a result as JSON. */
  async json(value: unknown): Promise<void> {
    await printSafe(this.console.stdout, JSON.stringify(value, undefined, 2));
  }

  async line(...parts: readonly Cell[]): Promise<void> {
    await printSafe(this.console.stdout, parts.map((part) => this.cell(part)).join(' '));
  }

  /** Prints rows with aligned columns. The last column is not padded. */
  async table(head: readonly string[], rows: readonly (readonly Cell[])[]): Promise<void> {
    if (rows.length === 0) return;
    const all: readonly (readonly Cell[])[] =
      head.length > 0 ? [head.map((text) => ({ text, colour: 'dim' as const })), ...rows] : rows;
    const widths = all[0]?.map((_, column) => Math.max(...all.map((row) => plain(row[column]).length))) ?? [];
    for (const row of all) {
      const cells = row.map((cell, column) => {
        const gap = column === row.length - 1 ? 0 : (widths[column] ?? 0) - plain(cell).length;
        return this.cell(cell) + ' '.repeat(gap);
      });
      await printSafe(this.console.stdout, cells.join('  ').trimEnd());
    }
  }

  private cell(cell: Cell): string {
    const text = plain(cell);
    if (typeof cell !== 'object' || !this.hasColours) return text;
    // It would look at the process' own stream.
    return styleText(cell.colour, text, { validateStream: false });
  }
}

/** Text comes from other systems; it must not control the terminal. */
function plain(cell: Cell): string {
  return escapeControls(String(typeof cell === 'object' ? cell.text : (cell ?? '-')));
}
