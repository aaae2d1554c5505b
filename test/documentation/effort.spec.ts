import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { codeBlocks, countLines, section } from '../package/code-blocks.js';
import { tablesOf } from './markdown.js';

const read = (path: string): string => readFileSync(path, 'utf8');
const [tasks, projects] = tablesOf(read('docs/extending/effort.md')).map(({ rows }) => rows.slice(2));
const TASKS = {
  'an override': 'override',
  'another mutation': 'mutation',
  'a look-up': 'look-up',
  'a hook': 'hook',
  'two handlers': 'two-handlers',
  'events to Fluent': 'events',
  'two accounts': 'two-accounts',
  'your own queue': 'own-queue',
  'finding a fault': 'finding-a-fault',
};

it('the page on effort counts the lines of the ten tasks', () => {
  const counted = Object.entries(TASKS).map(([task, file]) => [
    task,
    String(countLines(read(`examples/ten-tasks/src/${file}.ts`))),
    String(countLines(read(`examples/ten-tasks/test/${file}.test.ts`))),
  ]);
  const image = `${countLines(read('create/template/Dockerfile'))}, generated`;
  expect(tasks).toEqual([...counted, ['your own image', image, '']]);
});

it('the page on effort counts the commands and lines of the first section of the tutorial', () => {
  const blocks = codeBlocks(section(read('docs/extending/tutorial.md'), 'Your first override'));
  const linesOf = (wanted: boolean): string =>
    String(
      countLines(
        blocks
          .filter(({ title }) => (title !== undefined) === wanted)
          .map(({ code }) => code)
          .join(''),
      ),
    );
  expect(projects?.[0]?.slice(1, 3)).toEqual([linesOf(false), linesOf(true)]);
});
