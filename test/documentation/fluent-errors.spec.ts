import { expect, it } from 'vitest';
import { FLUENT_ERROR_RULES, isFamily } from '../../src/fluent/fluent-error-codes.js';
import { readFileSync } from 'node:fs';

const EFFECTS: Readonly<Record<string, string>> = {
  outage: 'transient',
  fault: 'transient',
  transient: 'transient',
  configuration: 'configuration',
  permanent: 'permanent',
};

it("lists Fluent's error codes as the connector classifies them, in the same order", () => {
  const [, section = ''] = readFileSync('docs/fluent-api.md', 'utf8').split('## Error codes\n');
  const rows = [...section.split('\n## ')[0]!.matchAll(/^\| `(\S+)` +\| (.+?) +\| (\S+) +\|/gm)].map(
    ([, code, meaning, effect]) => [code, meaning, effect],
  );
  expect(rows).toEqual(
    FLUENT_ERROR_RULES.map((rule) => [
      isFamily(rule) ? `${rule.code.slice(0, 1)}…` : rule.code,
      rule.meaning,
      EFFECTS[rule.failureClass],
    ]),
  );
});
