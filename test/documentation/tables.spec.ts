import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { pages, tablesOf } from './markdown.js';

/** @returns what is wrong, each with its line. */
function wrongRows(markdown: string): string[] {
  return tablesOf(markdown).flatMap(({ line, rows: [head = [], delimiter = [], ...body] }) => [
    ...(delimiter.every((cell) => /^:?-+:?$/.test(cell)) ? [] : [`line ${line}: the table has no head`]),
    ...[delimiter, ...body].flatMap((row, index) =>
      row.length === head.length
        ? []
        : [`line ${line + index + 1}: ${row.length} columns below a head of ${head.length}`],
    ),
  ]);
}

describe('the tables of the documentation', () => {
  const found = pages().map((path) => [path, readFileSync(path, 'utf8')] as const);

  it.each(found)('have as many columns in each row as in their head: %s', (_path, markdown) => {
    expect(wrongRows(markdown)).toEqual([]);
  });

  it('are found', () => {
    const counts = new Map(found.map(([path, markdown]) => [path, tablesOf(markdown).length]));
    for (const path of ['README.md', 'docs/operations.md', 'docs/configuration.md', 'docs/cli.md']) {
      expect(counts.get(path), path).toBeGreaterThan(1);
    }
  });
});

describe('the check of tables', () => {
  it.each([
    [
      'a cell that is cut by a pipe',
      '| a | b |\n|---|---|\n| x | one | two |',
      ['line 3: 3 columns below a head of 2'],
    ],
    ['a cell that is missing', '| a | b |\n|---|---|\n| x |', ['line 3: 1 columns below a head of 2']],
    ['a table without a head', '| a | b |\n| x | y |', ['line 1: the table has no head']],
    ['an escaped pipe', '| a | b |\n|---|---|\n| `x\\|y` | z |', []],
    ['pipes in a code block', '```\n| a | b |\n```', []],
    [
      'a table in a list',
      '1. x\n\n   | a | b |\n   | - | - |\n   | 1 |',
      ['line 5: 1 columns below a head of 2'],
    ],
  ])('judges %s', (_case, markdown, problems) => {
    expect(wrongRows(markdown)).toEqual(problems);
  });
});
