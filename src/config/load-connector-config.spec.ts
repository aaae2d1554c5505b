import { generateKeyPairSync } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { generateWebhookKeys } from '../testing/webhook-signature.js';
import { loadConnectorConfig } from './load-connector-config.js';
import { ConfigurationProblems } from './problems.js';
import type { Environment } from './variables.js';

const publicKey = generateWebhookKeys().publicKey;
const pem = `-----BEGIN PUBLIC KEY-----\n${publicKey.match(/.{1,64}/g)!.join('\n')}\n-----END PUBLIC KEY-----\n`;
const ecKey = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  .publicKey.export({ type: 'spki', format: 'der' })
  .toString('base64');

const complete = {
  REDIS_URL: 'redis://localhost:6379',
  FLUENT_ACCOUNT_ID: 'ACME',
  FLUENT_USERNAME: 'fluent-user',
  FLUENT_PASSWORD: 'fluent-password',
  FLUENT_CLIENT_ID: 'fluent-client',
  FLUENT_CLIENT_SECRET: 'fluent-secret',
  FLUENT_WEBHOOK_PUBLIC_KEYS: publicKey,
  CTP_PROJECT_KEY: 'shop',
  CTP_CLIENT_ID: 'ct-client',
  CTP_CLIENT_SECRET: 'ct-secret',
  CTP_AUTH_URL: 'https://auth.example.com/',
  CTP_API_URL: 'https://api.example.com//',
  CTP_SCOPES: 'manage_orders:shop',
} as const;

let dir: string;
beforeAll(() => {
  dir = mkdtempSync(join(tmpdir(), 'connector-config-'));
});
afterAll(() => rmSync(dir, { recursive: true }));

function file(name: string, content: string): string {
  const path = join(dir, name);
  writeFileSync(path, content);
  return path;
}

function problemsOf(environment: Environment): readonly string[] {
  try {
    loadConnectorConfig(environment);
  } catch (error) {
    if (error instanceof ConfigurationProblems) return error.problems;
    throw error;
  }
  return [];
}

describe('the environment', () => {
  it('needs no more than what has no default', () => {
    const config = loadConnectorConfig(complete);
    expect(config).toMatchObject({
      role: 'all',
      server: {
        host: '0.0.0.0',
        port: 8080,
        webhookPath: '/api/v1/fluent-connect/webhook',
        webhookBodyLimitBytes: 1_048_576,
        drainDelaySeconds: 0,
        shutdownTimeoutSeconds: 25,
        adminToken: undefined,
      },
      queue: {
        concurrency: 16,
        lockDurationMs: 30_000,
        dedupeWindowSeconds: 90_000,
        lookAgainDelayMs: 3000,
        retry: { maxAgeSeconds: 86_400, baseDelayMs: 1000, maxDelayMs: 600_000 },
      },
      settingsCacheTtlSeconds: 300,
      httpClientTimeoutMs: 30_000,
      orderNotFoundMaxAgeSeconds: 3600,
      reconciliation: { intervalSeconds: 300, overlapSeconds: 120 },
    });
    expect(config.account('ACME')).toMatchObject({
      baseUrl: 'https://acme.sandbox.api.fluentretail.com',
      allowMd5Signature: false,
    });
    expect(config.projects[0]).toMatchObject({
      authUrl: 'https://auth.example.com',
      apiUrl: 'https://api.example.com',
    });
  });

  it('lists everything that is missing, by name', () => {
    const problems = problemsOf({}).join('\n');
    for (const name of Object.keys(complete)) expect(problems).toContain(`${name} `);
  });

  it.each([
    ['PORT', '12abc'],
    ['PORT', '65536'],
    ['PORT', '1.5'],
    ['HTTP_CLIENT_TIMEOUT', '0'],
    ['QUEUE_CONCURRENCY', '-1'],
    ['RETRY_MAX_AGE', '1e3'],
    ['FLUENT_ALLOW_MD5_SIGNATURE', 'yes'],
    ['CONNECTOR_ROLE', 'both'],
    ['REDIS_URL', 'http://localhost'],
    ['REDIS_URL', 'localhost:6379'],
    ['FLUENT_BASE_URL', 'ftp://example.com'],
    ['CTP_API_URL', 'example.com'],
    ['ORDER_LOOKUP', 'ref'],
    ['ORDER_STATUS_EVENT_NAMES', ' , '],
    ['WEBHOOK_PATH', 'webhook'],
    ['LOG_LEVEL', 'verbose'],
    ['LOG_FORMAT', 'xml'],
    ['ADMIN_TOKEN', 'short'],
    ['FLUENT_WEBHOOK_PUBLIC_KEYS', 'bm90IGEga2V5'],
    ['FLUENT_WEBHOOK_PUBLIC_KEYS', ecKey],
    ['FLUENT_WEBHOOK_PUBLIC_KEYS', ','],
    ['RETRY_BASE_DELAY', '600001'],
  ])('refuses %s=%s with a message that begins with the name', (name, value) => {
    const problems = problemsOf({ ...complete, [name]: value });
    expect(problems).toHaveLength(1);
    expect(problems[0]).toMatch(new RegExp(`^${name} (must|is)`));
  });

  it('takes an empty value for one that is not set', () => {
    const config = loadConnectorConfig({ ...complete, PORT: '', FLUENT_RETAILER_IDS: ' ', ADMIN_TOKEN: '' });
    expect(config.server).toMatchObject({ port: 8080, adminToken: undefined });
    expect(config.retailerIds('ACME')).toEqual([]);
  });

  it('reads false as false', () => {
    const config = loadConnectorConfig({ ...complete, FLUENT_ALLOW_MD5_SIGNATURE: 'false' });
    expect(config.account('ACME')?.allowMd5Signature).toBe(false);
    const allowed = loadConnectorConfig({ ...complete, FLUENT_ALLOW_MD5_SIGNATURE: 'TRUE' });
    expect(allowed.account('ACME')?.allowMd5Signature).toBe(true);
  });

  it.each([
    ['bare Base64', publicKey],
    ['PEM', pem],
    ['PEM on one line', pem.replaceAll('\n', String.raw`\n`)],
    ['several', `${publicKey} , ${pem}`],
  ])('accepts public keys as %s, RSA-1024 too', (_, keys) => {
    expect(problemsOf({ ...complete, FLUENT_WEBHOOK_PUBLIC_KEYS: keys })).toEqual([]);
  });

  it('tells which of several keys is broken', () => {
    expect(problemsOf({ ...complete, FLUENT_WEBHOOK_PUBLIC_KEYS: `${publicKey},AAAA` })[0]).toContain(
      'key 2 of 2',
    );
  });

  it('never shows a secret', () => {
    const secret = 's3cr3t-value';
    const message = problemsOf({
      ...complete,
      REDIS_URL: `http://:${secret}@localhost`,
      FLUENT_WEBHOOK_PUBLIC_KEYS: secret,
      ADMIN_TOKEN: secret,
      PORT: 'x',
    }).join('\n');
    expect(message).toContain('PORT');
    expect(message).not.toContain(secret);
  });

  it('switches mappings off', () => {
    const config = loadConnectorConfig({
      ...complete,
      PAYMENT_STATUS_MAPPING_SETTING: 'OFF',
      SHIPPING_STATUS_MAPPING_SETTING: 'my.setting',
    });
    expect(config.scope('ACME', '1')?.mappingSettings).toEqual({
      order: 'fc.connect.commercetools.order.order-status-mapping',
      payment: undefined,
      shipping: 'my.setting',
    });
  });
});

describe('secrets from files', () => {
  it('takes the content without the last line break', () => {
    const path = file('password', ' spaces count \n');
    const { FLUENT_PASSWORD: _, ...others } = complete;
    const config = loadConnectorConfig({ ...others, FLUENT_PASSWORD_FILE: path });
    expect(config.account('ACME')?.password).toBe(' spaces count ');
  });

  it('refuses a file that cannot be read, once', () => {
    const { CTP_CLIENT_SECRET: _, ...others } = complete;
    const path = join(dir, 'missing');
    expect(problemsOf({ ...others, CTP_CLIENT_SECRET_FILE: path })).toEqual([
      `CTP_CLIENT_SECRET_FILE cannot be read: ENOENT (${path})`,
    ]);
  });

  it('refuses both forms at once', () => {
    const path = file('both', 'x');
    expect(problemsOf({ ...complete, FLUENT_PASSWORD_FILE: path })).toEqual([
      'FLUENT_PASSWORD_FILE and FLUENT_PASSWORD are both set; keep one',
    ]);
  });
});

describe('scopes', () => {
  it('accepts only the retailers that are listed', () => {
    const config = loadConnectorConfig({ ...complete, FLUENT_RETAILER_IDS: '1, 2' });
    expect(config.retailerIds('ACME')).toEqual(['1', '2']);
    expect(config.scope('ACME', '2')?.retailerId).toBe('2');
    for (const [account, retailer] of [
      ['ACME', '3'],
      ['OTHER', '1'],
      ['__proto__', '1'],
      ['ACME', 'constructor'],
    ]) {
      expect(config.scope(account!, retailer!)).toBeUndefined();
    }
  });

  it('accepts any retailer when none is listed, and gives the same scope each time', () => {
    const config = loadConnectorConfig(complete);
    const scope = config.scope('ACME', '77');
    expect(scope).toMatchObject({ retailerId: '77', orderLookup: 'orderNumber' });
    expect(config.scope('ACME', '77')).toBe(scope);
    expect(config.scope('acme', '77')).toBeUndefined();
  });
});

describe('the file for several accounts', () => {
  const base = { REDIS_URL: complete.REDIS_URL };
  const yaml = (extra = ''): string => `
projects:
  - { key: eu, clientId: a, clientSecret: b, authUrl: https://auth.eu, apiUrl: https://api.eu/, scopes: manage_orders:eu }
  - { key: us, clientId: a, clientSecret: b, authUrl: https://auth.us, apiUrl: https://api.us, scopes: manage_orders:us }
accounts:
  - id: ACME
    baseUrl: https://acme.example.com/
    username: u
    password: p
    clientId: c
    clientSecret: s
    webhookPublicKeys:
      - ${publicKey}
    orderRefPrefix: HD_
    retailers:
      - id: 1
        project: eu
      - { id: '2', project: us, orderLookup: id, orderRefPrefix: US_, mappingSettings: { payment: off } }
${extra}`;

  it('reads accounts, retailers and projects', () => {
    const config = loadConnectorConfig({ ...base, CONNECTOR_CONFIG: file('ok.yaml', yaml()) });
    expect(config.scope('ACME', '1')).toMatchObject({
      project: { key: 'eu', apiUrl: 'https://api.eu' },
      account: { baseUrl: 'https://acme.example.com' },
      orderLookup: 'orderNumber',
      orderRefPrefix: 'HD_',
    });
    expect(config.scope('ACME', '2')).toMatchObject({
      project: { key: 'us' },
      orderLookup: 'id',
      orderRefPrefix: 'US_',
      mappingSettings: { payment: undefined },
    });
    expect(config.scope('ACME', '2')?.mappingSettings.order).toBeDefined();
    expect(config.scope('ACME', '3')).toBeUndefined();
  });

  it('reads secrets from files', () => {
    const path = file('yaml-password', 'from-file\n');
    const text = yaml().replace('password: p', `passwordFile: ${path}`);
    const config = loadConnectorConfig({ ...base, CONNECTOR_CONFIG: file('secret.yaml', text) });
    expect(config.account('ACME')?.password).toBe('from-file');
  });

  it.each<[string, (text: string) => string, RegExp]>([
    [
      'a key nobody knows',
      (text) => text.replace('username: u', 'username: u\n    pasword: x'),
      /^accounts\[0\]\.pasword is no key of this file$/,
    ],
    [
      'a missing field',
      (text) => text.replace('clientSecret: s\n', '\n'),
      /^accounts\[0\]\.clientSecret (is required|must be text)$/,
    ],
    [
      'an unknown project',
      (text) => text.replace('project: us', 'project: asia'),
      /^accounts\[0\]\.retailers\[1\]\.project asia is none of the projects: eu, us$/,
    ],
    [
      'no project among several',
      (text) => text.replace('        project: eu\n', ''),
      /^accounts\[0\]\.retailers\[0\]\.project is required/,
    ],
    [
      'the same retailer twice',
      (text) => text.replace("id: '2'", "id: '1'"),
      /^accounts\[0\]\.retailers: two have the same id$/,
    ],
    [
      'the same project twice',
      (text) => text.replace('key: us', 'key: eu').replace('project: us', 'project: eu'),
      /^projects: two have the same key$/,
    ],
    [
      'a broken key',
      (text) => text.replace(publicKey, 'AAAA'),
      /^accounts\[0\]\.webhookPublicKeys is wrong: key 1 of 1/,
    ],
    [
      'a secret file that is not there',
      (text) => text.replace('password: p', 'passwordFile: /nowhere'),
      /^accounts\[0\]\.passwordFile cannot be read: ENOENT/,
    ],
    ['broken YAML', () => 'accounts: [', /^CONNECTOR_CONFIG .* is not YAML/],
    ['a list', () => '- 1', /must have the keys accounts and projects$/],
  ])('refuses %s', (_, change, expected) => {
    const problems = problemsOf({ ...base, CONNECTOR_CONFIG: file('wrong.yaml', change(yaml())) });
    expect(problems.length).toBeGreaterThan(0);
    for (const problem of problems) expect(problem).toMatch(expected);
  });

  it('refuses a file that is not there', () => {
    expect(problemsOf({ ...base, CONNECTOR_CONFIG: join(dir, 'none.yaml') })[0]).toMatch(
      /cannot be read \(ENOENT\)/,
    );
  });

  it('refuses the variables that it replaces', () => {
    const path = file('replaced.yaml', yaml());
    expect(problemsOf({ ...complete, CONNECTOR_CONFIG: path })[0]).toMatch(
      /^CONNECTOR_CONFIG is set, so these must not be: FLUENT_ACCOUNT_ID, .*CTP_SCOPES$/,
    );
  });
});
