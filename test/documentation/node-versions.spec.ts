import { readFileSync, readdirSync } from 'node:fs';
import { expect, it } from 'vitest';

const enginesOf = (path: string): string =>
  (JSON.parse(readFileSync(path, 'utf8')) as { engines: { node: string } }).engines.node;
const ENGINES = enginesOf('package.json');

/** `^22.1.0 || ^24.2.0 || >=26` in words. */
function wording(engines: string): string {
  const ranges = engines.split(' || ');
  const lines = ranges.filter((range) => range.startsWith('^')).map((range) => range.slice(1));
  const last = ranges.find((range) => range.startsWith('>='))?.slice(2);
  return `Node ${lines.join(', ')} or a later release of these lines, or Node ${last}`;
}

it.each(['README.md', 'CONTRIBUTING.md', 'docs/extending/tutorial.md'])(
  '%s names the versions of Node that engines names',
  (page) => {
    const text = readFileSync(page, 'utf8').replaceAll('\n', ' ');
    expect(text).toContain(`${wording(ENGINES)}. `);
    expect(text).not.toMatch(/Node \d+\.\d+\.\d+ or later/);
  },
);

it.each(['create/template', ...readdirSync('examples').map((name) => `examples/${name}`)])(
  '%s has the same engines as the connector',
  (project) => {
    expect(enginesOf(`${project}/package.json`)).toBe(ENGINES);
  },
);
