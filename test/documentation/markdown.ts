import { readFileSync, readdirSync } from 'node:fs';
import { dirname, join } from 'node:path';

/** The pages that people read, by path from the root of the repository. */
export function pages(): string[] {
  const below = (folder: string): string[] =>
    readdirSync(folder, { recursive: true, encoding: 'utf8' })
      .filter((name) => name.endsWith('.md'))
      .map((name) => join(folder, name));
  const examples = readdirSync('examples').map((name) => join('examples', name, 'README.md'));
  const chart = 'helm/fluent-commercetools-connector/README.md';
  return [
    'README.md',
    'CONTRIBUTING.md',
    'CHANGELOG.md',
    'SECURITY.md',
    chart,
    ...examples,
    ...below('docs'),
  ];
}

/** A table of a page. */
export interface MarkdownTable {
  /** Of its head, from 1. */
  readonly line: number;
  /** Head, delimiter row and body, each as its cells. */
  readonly rows: readonly (readonly string[])[];
}

/** Every table outside of code blocks. A pipe that is escaped belongs to its cell, also inside of code. */
export function tablesOf(markdown: string): MarkdownTable[] {
  const tables: { line: number; rows: string[][] }[] = [];
  let isCode = false;
  let previousIsRow = false;
  for (const [index, line] of markdown.split('\n').entries()) {
    if (/^\s*(```|~~~)/.test(line)) isCode = !isCode;
    const isRow = !isCode && /^\s*\|/.test(line);
    if (isRow && !previousIsRow) tables.push({ line: index + 1, rows: [] });
    if (isRow) tables.at(-1)?.rows.push(cellsOf(line));
    previousIsRow = isRow;
  }
  return tables;
}

function cellsOf(row: string): string[] {
  const cells = row.trim().split(/(?<!\\)\|/);
  return cells.slice(1, cells.at(-1) === '' ? -1 : undefined).map((cell) => cell.trim());
}

/** @returns the code blocks of a language, in order. */
export function codeBlocksOf(path: string, language: string): string[] {
  const blocks = readFileSync(path, 'utf8').matchAll(
    new RegExp(`^\\s*\`\`\`${language}\\n([^]*?)^\\s*\`\`\``, 'gm'),
  );
  return [...blocks].map(([, code = '']) => code);
}

/** A link from a page to another file, or to a heading of its own. */
export interface PageLink {
  /** As it is written. */
  readonly target: string;
  /** Path from the root of the repository, without a trailing slash. */
  readonly path: string;
  /** Empty when the link is to the whole file. */
  readonly anchor: string;
}

/** @returns the links of a page, outside of code blocks, that lead neither to another site nor to an address. */
export function linksOf(page: string, markdown: string): PageLink[] {
  const text = markdown.replaceAll(/^\s*```[^]*?^\s*```/gm, '');
  return [...text.matchAll(/\]\(([^)\s]+)\)/g)]
    .map(([, target = '']) => target)
    .filter((target) => !/^[a-z]+:/.test(target))
    .map((target) => {
      const [file = '', anchor = ''] = target.split('#');
      const path = file === '' ? page : join(dirname(page), file);
      return { target, path: path.replace(/\/$/, ''), anchor };
    });
}

/** @returns the anchors of a page's headings, as GitHub makes them. */
export function anchorsOf(markdown: string): string[] {
  const seen = new Map<string, number>();
  return [...markdown.replaceAll(/^```[^]*?^```/gm, '').matchAll(/^#+ (.*)$/gm)].map(([, title = '']) => {
    const anchor = title
      .replaceAll(/\[([^\]]*)\]\([^)]*\)/g, '$1')
      .toLowerCase()
      .replaceAll(/[^\p{L}\p{N}_ -]/gu, '')
      .replaceAll(' ', '-');
    const count = seen.get(anchor) ?? 0;
    seen.set(anchor, count + 1);
    return count === 0 ? anchor : `${anchor}-${count}`;
  });
}
