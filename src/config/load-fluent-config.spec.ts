import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { loadFluentConfig } from './load-fluent-config.js';
import { ConfigurationProblems } from './problems.js';

const ACCOUNT = { id: 'ACME', username: 'u', password: 'p', clientId: 'c', clientSecret: 's' };
let dir: string;
beforeAll(() => {
  dir = mkdtempSync(join(tmpdir(), 'fluent-connector-config-'));
});
afterAll(() => rmSync(dir, { recursive: true }));

function load(document: object) {
  const path = join(dir, 'connector.yaml');
  // JSON is YAML.
  writeFileSync(path, JSON.stringify(document));
  return loadFluentConfig({ CONNECTOR_CONFIG: path });
}

function problemsOf(document: object): readonly string[] {
  try {
    load(document);
    return [];
  } catch (error) {
    if (error instanceof ConfigurationProblems) return error.problems;
    throw error;
  }
}

describe('loadFluentConfig', () => {
  it('ignores what only webhooks and commercetools need, whether it is missing or wrong', () => {
    const account = {
      ...ACCOUNT,
      webhookPublicKeys: 'broken',
      allowMd5Signature: 'perhaps',
      orderLookup: 'name',
      mappingSettings: { order: 7 },
      project: 'nowhere',
      retailers: [{ id: '1', project: 'nowhere', orderRefPrefix: 5 }],
    };
    const config = load({ accounts: [account], projects: [{ key: 1 }] });
    expect(config.accounts).toEqual([
      {
        ...ACCOUNT,
        baseUrl: 'https://acme.sandbox.api.fluentretail.com',
        webhookPublicKeys: [],
        allowMd5Signature: false,
      },
    ]);
    expect(config.retailerIds('ACME')).toEqual(['1']);
  });

  it('reports a problem by its path, whatever words its message holds', () => {
    const retailers = [{ id: 'projects.mappingSettings' }, { id: 'projects.mappingSettings' }];
    const account = { ...ACCOUNT, password: undefined, projectx: 1, retailers };
    expect(problemsOf({ accounts: [account] }).map((problem) => problem.split(' ')[0])).toEqual([
      'accounts[0].projectx',
      'accounts[0].password',
      'accounts[0].retailers[1].id',
    ]);
  });

  it('requires only the variables that Fluent needs', () => {
    expect(() => loadFluentConfig({ FLUENT_ACCOUNT_ID: 'ACME', PORT: 'x', CTP_API_URL: 'x' })).toThrow(
      /4 problems:\n- FLUENT_USERNAME is required\n- FLUENT_PASSWORD is required\n- FLUENT_CLIENT_ID is required\n- FLUENT_CLIENT_SECRET is required\n/,
    );
  });

  it('reads the secrets that Fluent needs from files, and reports the path of one that is missing', () => {
    const password = join(dir, 'password');
    writeFileSync(password, 'from-file\n');
    const env = {
      FLUENT_ACCOUNT_ID: 'ACME',
      FLUENT_USERNAME: 'u',
      FLUENT_PASSWORD_FILE: password,
      FLUENT_CLIENT_ID: 'c',
      FLUENT_CLIENT_SECRET: 's',
      CTP_CLIENT_SECRET_FILE: join(dir, 'missing'),
    };
    const config = loadFluentConfig(env);
    expect(config.accounts[0]?.password).toBe('from-file');
    expect([config.retailerIds('ACME'), config.retailerIds('OTHER')]).toEqual([[], []]);
    expect(() => loadFluentConfig({ ...env, FLUENT_PASSWORD_FILE: join(dir, 'missing') })).toThrow(
      /1 problem:\n- FLUENT_PASSWORD_FILE must be the path of a readable file \(ENOENT\)\n/,
    );
  });

  it('accepts an account without retailers', () => {
    expect(load({ accounts: [ACCOUNT] }).retailerIds('ACME')).toEqual([]);
  });
});
