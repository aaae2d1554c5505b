import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { afterAll, beforeAll } from 'vitest';
import { codeBlocks } from '../package/code-blocks.js';

/** The code of one page of the documentation, as modules that a spec imports and runs. */
export interface PageCode {
  /** @returns what a code block of the page exports. */
  // eslint-disable-next-line typescript/no-explicit-any -- what a page exports is not known to the compiler
  readonly load: (title: string) => Promise<Record<string, any>>;
  /** @returns the titles of the blocks that were not loaded, or where a block without a title is. */
  readonly notLoaded: () => string[];
}

/** Writes the blocks of a page to a folder for the time of the spec. */
export function pageCode(page: string): PageCode {
  // Inside of the repository, where the package finds itself by its name.
  const folder = join(import.meta.dirname, '..', `.page-${basename(page, '.md')}`);
  const blocks = codeBlocks(readFileSync(page, 'utf8')).filter(({ language }) => language === 'ts');
  const loaded = new Set<string>();
  beforeAll(() => {
    mkdirSync(folder, { recursive: true });
    for (const { title, code } of blocks) if (title !== undefined) writeFileSync(join(folder, title), code);
  });
  afterAll(() => rmSync(folder, { recursive: true }));
  return {
    load: async (title) => {
      loaded.add(title);
      return (await import(join(folder, title))) as Record<string, unknown>;
    },
    notLoaded: () =>
      blocks.map(({ title, line }) => title ?? `line ${line}`).filter((title) => !loaded.has(title)),
  };
}
