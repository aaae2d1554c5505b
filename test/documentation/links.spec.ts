import { existsSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { anchorsOf, linksOf, pages } from './markdown.js';

/** @returns the links that lead nowhere. */
function deadLinks(page: string, markdown: string): string[] {
  return linksOf(page, markdown)
    .filter(
      ({ path, anchor }) =>
        !existsSync(path) || (anchor !== '' && !anchorsOf(readFileSync(path, 'utf8')).includes(anchor)),
    )
    .map(({ target }) => target);
}

describe('the links of the documentation', () => {
  it.each(pages())('lead to a file and a heading that exist: %s', (page) => {
    expect(deadLinks(page, readFileSync(page, 'utf8'))).toEqual([]);
  });
});

describe('the check of links', () => {
  it('finds missing files and headings', () => {
    const markdown =
      '[a](README.md) [b](missing.md) [c](README.md#license) [d](README.md#missing) [e](https://x.example)';
    expect(deadLinks('page.md', markdown)).toEqual(['missing.md', 'README.md#missing']);
  });

  it('ignores code blocks', () => {
    expect(deadLinks('page.md', '```md\n[a](missing.md)\n```')).toEqual([]);
  });
});
