import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { SECRET_VARIABLES, VARIABLE_NAMES } from './variables.js';

const root = new URL('../../', import.meta.url);
const documentation = readFileSync(new URL('docs/configuration.md', root), 'utf8');
const example = readFileSync(new URL('.env.example', root), 'utf8');

describe('the documentation of variables', () => {
  it('explains each variable, and none that does not exist', () => {
    const rows = documentation.split('\n').filter((line) => line.startsWith('| `'));
    const explained = rows.flatMap((line) =>
      [...(line.split('|')[1] ?? '').matchAll(/`([A-Z0-9_]+)`/g)].map(([, name]) => name),
    );
    expect([...explained, 'CONNECTOR_CONFIG'].sort()).toEqual(VARIABLE_NAMES.toSorted());
    expect(documentation).toContain('`CONNECTOR_CONFIG` names a YAML file');
  });

  it('marks those that can be files', () => {
    const marked = [...documentation.matchAll(/`([A-Z0-9_]+)` ●/g)].map(([, name]) => name);
    expect(marked.sort()).toEqual(SECRET_VARIABLES.toSorted());
  });

  it('has each variable in the example file', () => {
    const named = [...example.matchAll(/^#?([A-Z0-9_]+)=/gm)].map(([, name]) => name);
    expect(named.sort()).toEqual(VARIABLE_NAMES.toSorted());
  });
});
