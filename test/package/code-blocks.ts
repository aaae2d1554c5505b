/** A fenced block of a Markdown file. */
export interface CodeBlock {
  readonly language: string;
  /** From `title="…"` behind the language. */
  readonly title?: string;
  readonly code: string;
  /** Where the code begins, from 1. */
  readonly line: number;
}

/** @returns the fenced blocks of a Markdown text, in order. */
export function codeBlocks(markdown: string): CodeBlock[] {
  return [...markdown.matchAll(/^```(\w+)(?: title="([^"]+)")?\n([^]*?)^```$/gm)].map(
    ({ 1: language = '', 2: title, 3: code = '', index }) => ({
      language,
      title,
      code,
      line: markdown.slice(0, index).split('\n').length + 1,
    }),
  );
}

/** @returns the part of a Markdown text under one heading of the second level. */
export function section(markdown: string, heading: string): string {
  const start = markdown.indexOf(`\n## ${heading}\n`);
  if (start === -1) throw new Error(`there is no section "${heading}"`);
  const end = markdown.indexOf('\n## ', start + 1);
  return markdown.slice(start, end === -1 ? undefined : end);
}

/** @returns the parts of a Markdown text under its headings of the second level, in order. */
export function sections(markdown: string): string[] {
  return markdown.split(/^(?=## )/m).slice(1);
}

/** @returns how many lines of code say something. */
export function countLines(code: string): number {
  return code.split('\n').filter((line) => line.trim() !== '').length;
}
