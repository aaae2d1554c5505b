import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseEnv } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { COMPLETE_ENVIRONMENT } from '../../test/support/complete-environment.js';
import { loadConnectorConfig } from './load-connector-config.js';
import { ConfigurationProblems } from './problems.js';
import { SECRET_VARIABLES, SINGLE_ACCOUNT_VARIABLES, VARIABLE_NAMES, Variables } from './variables.js';

const root = new URL('../../', import.meta.url);
const documentation = readFileSync(new URL('docs/configuration.md', root), 'utf8');
const example = readFileSync(new URL('.env.example', root), 'utf8');
const { REDIS_URL, FLUENT_WEBHOOK_PUBLIC_KEYS } = COMPLETE_ENVIRONMENT;

let dir: string;
beforeAll(() => {
  dir = mkdtempSync(join(tmpdir(), 'connector-documentation-'));
});
afterAll(() => rmSync(dir, { recursive: true }));

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

  it('gives the defaults that the connector has', () => {
    const defaults = new Variables();
    for (const line of documentation.split('\n').filter((row) => row.startsWith('| `'))) {
      const [, names = '', values = ''] = line.split('|');
      const documented = values.split(',').map((value) => value.trim().replaceAll('`', ''));
      const listed = [...names.matchAll(/`([A-Z0-9_]+)`/g)].map(([, name]) => name as keyof Variables);
      const actual = listed.map((name) => defaults[name]).flat();
      // The default of LOG_FORMAT depends on the terminal; others have none, or one made of the account.
      if (listed.includes('LOG_FORMAT') || actual.length === 0 || actual.includes(undefined)) continue;
      expect(documented, names).toEqual(actual.map(String));
    }
  });

  it('has an example file for several accounts that works', () => {
    const [, yaml = ''] = /```yaml\n(.*?)```/s.exec(documentation) ?? [];
    const secret = join(dir, 'secret');
    // A key is as good as any other text where the secrets are.
    writeFileSync(secret, FLUENT_WEBHOOK_PUBLIC_KEYS);
    const path = join(dir, 'config.yaml');
    writeFileSync(path, yaml.replaceAll(/File: .*/g, `File: ${secret}`));
    const config = loadConnectorConfig({ REDIS_URL, CONNECTOR_CONFIG: path });
    expect(config.scope('ACME', '1')).toMatchObject({
      project: { key: 'shop-eu' },
      orderLookup: 'id',
      mappingSettings: { payment: undefined },
    });
  });

  it('shows the messages that the connector gives', () => {
    const [first = ''] = /The configuration has 2 problems:\n- .*\n- .*\n/.exec(documentation) ?? [];
    const wrong = { ...COMPLETE_ENVIRONMENT, FLUENT_PASSWORD: '', QUEUE_CONCURRENCY: '2000' };
    expect(() => loadConnectorConfig(wrong)).toThrow(ConfigurationProblems);
    expect(() => loadConnectorConfig(wrong)).toThrow(first);
  });
});

describe('.env.example', () => {
  it('names each variable', () => {
    const named = [...example.matchAll(/^#?([A-Z0-9_]+)=/gm)].map(([, name]) => name);
    expect(named.sort()).toEqual(VARIABLE_NAMES.toSorted());
  });

  it('works once the public key is filled in', () => {
    const config = loadConnectorConfig({ ...parseEnv(example), FLUENT_WEBHOOK_PUBLIC_KEYS });
    expect(config.scope('ACME', '1')?.project.key).toBe('my-project');
  });

  it('shows the default of each variable that is commented out', () => {
    const shown = parseEnv(example.replaceAll(/^#([A-Z0-9_]+=)/gm, '$1'));
    const { LOG_FORMAT: _, ...defaults } = new Variables();
    for (const [name, value] of Object.entries(defaults)) {
      if (value === undefined || (SINGLE_ACCOUNT_VARIABLES as readonly string[]).includes(name)) continue;
      expect(shown[name], name).toBe(String(value as string | number | boolean | string[]));
    }
  });
});
