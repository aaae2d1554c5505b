import { createPublicKey, generateKeyPairSync } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { generateWebhookKeys } from '../testing/webhook-signature.js';
import { loadConnectorConfig } from './load-connector-config.js';
import { COMPLETE_ENVIRONMENT as complete } from '../../test/support/complete-environment.js';
import { ConfigurationError } from '../errors.js';
import { ConfigurationProblems } from './problems.js';
import { SECRET_VARIABLES, type Environment } from './variables.js';

const publicKey = complete.FLUENT_WEBHOOK_PUBLIC_KEYS;
const pem = pemOf(publicKey);
const otherKey = generateWebhookKeys().publicKey;
const otherPem = pemOf(otherKey);
const ecKey = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  .publicKey.export({ type: 'spki', format: 'der' })
  .toString('base64');

const privatePem = generateKeyPairSync('rsa', { modulusLength: 1024 })
  .privateKey.export({ type: 'pkcs8', format: 'pem' })
  .toString();

function pemOf(key: string): string {
  return `-----BEGIN PUBLIC KEY-----\n${key.match(/.{1,64}/g)!.join('\n')}\n-----END PUBLIC KEY-----\n`;
}

const HTTP_URL = 'must be an http or https URL without user, query and fragment';
const REDIS_URL_FORM =
  'must be a redis://, rediss://, redis+sentinel://host,host/master or redis+cluster://host,host URL';
const LOOKUP = 'must be orderNumber, id or customField:<name>';
const TOKEN_FORM = 'is wrong: token 1 of 1 must have the form name:read:token or name:write:token';
const UNREADABLE_KEY = 'is wrong: key 1 of 1 is neither PEM nor the Base64 of an X.509 SubjectPublicKeyInfo';

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
        adminTokens: [],
      },
      queue: {
        redisWaitReplicas: 0,
        concurrency: 16,
        lockDurationMs: 30_000,
        dedupeWindowSeconds: 90_000,
        recheckDelayMs: 3000,
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
    ['PORT', '12abc', 'must be a whole number from 0 to 65535'],
    ['PORT', '65536', 'must be a whole number from 0 to 65535'],
    ['PORT', '1.5', 'must be a whole number from 0 to 65535'],
    ['HTTP_CLIENT_TIMEOUT', '0', 'must be a whole number from 1 to 2147483647'],
    ['QUEUE_CONCURRENCY', '-1', 'must be a whole number from 1 to 1000'],
    ['RETRY_MAX_AGE', '1e3', 'must be a whole number from 0'],
    ['FLUENT_ALLOW_MD5_SIGNATURE', 'yes', 'must be true or false'],
    ['CONNECTOR_ROLE', 'both', 'must be all, ingress or worker'],
    ['REDIS_URL', 'http://localhost', REDIS_URL_FORM],
    ['REDIS_URL', 'localhost:6379', REDIS_URL_FORM],
    ['REDIS_URL', 'redis://', REDIS_URL_FORM],
    ['REDIS_URL', 'redis://cache:66666', REDIS_URL_FORM],
    ['REDIS_URL', 'redis://:p/w@cache', REDIS_URL_FORM],
    ['REDIS_URL', 'redis+sentinel://one,two', REDIS_URL_FORM],
    ['REDIS_URL', 'redis+sentinel://one:0/main', REDIS_URL_FORM],
    ['REDIS_URL', 'redis+sentinel://one,,two/main', REDIS_URL_FORM],
    ['REDIS_URL', 'redis+sentinel://one/main?password=x', REDIS_URL_FORM],
    ['REDIS_URL', 'redis+sentinel://one/main?db=x', REDIS_URL_FORM],
    ['REDIS_URL', 'redis+sentinel://u:%@one/main', REDIS_URL_FORM],
    ['REDIS_URL', 'redis+cluster://one:70000', REDIS_URL_FORM],
    ['REDIS_URL', 'redis+cluster://one/1', REDIS_URL_FORM],
    ['REDIS_URL', 'redis+cluster://u:p/w@one', REDIS_URL_FORM],
    ['REDIS_URL', 'redis+other://one', REDIS_URL_FORM],
    ['REDIS_WAIT_REPLICAS', '-1', 'must be a whole number from 0 to 10'],
    ['FLUENT_BASE_URL', 'ftp://example.com', HTTP_URL],
    [
      'FLUENT_ACCOUNT_ID',
      'AC ME',
      'is required, because FLUENT_ACCOUNT_ID cannot be part of a host name',
      'FLUENT_BASE_URL',
    ],
    [
      'FLUENT_ACCOUNT_ID',
      'example.com/',
      'is required, because FLUENT_ACCOUNT_ID cannot be part of a host name',
      'FLUENT_BASE_URL',
    ],
    ['CTP_API_URL', 'example.com', HTTP_URL],
    ['CTP_API_URL', 'https:/', HTTP_URL],
    ['CTP_API_URL', 'https://example.com/?region=eu', HTTP_URL],
    ['CTP_API_URL', 'https://user:pw@example.com', HTTP_URL],
    ['CTP_AUTH_URL', 'https://example.com#token', HTTP_URL],
    ['FLUENT_RETAILER_IDS', '1,2, 1', 'must not hold 1 twice'],
    ['ORDER_STATUS_EVENT_NAMES', 'a,a', 'must not hold a twice'],
    ['ORDER_LOOKUP', 'ref', LOOKUP],
    ['ORDER_STATUS_EVENT_NAMES', ' , ', 'must name at least one event'],
    ['WEBHOOK_PATH', 'webhook', 'must be a path that begins with /'],
    ['LOG_LEVEL', 'verbose', 'must be fatal, error, warn, info, debug, trace or silent'],
    ['LOG_FORMAT', 'xml', 'must be json or pretty'],
    ['ADMIN_TOKEN', 'short', 'must have at least 16 characters'],
    [
      'ADMIN_TOKENS',
      'alice:write:short',
      'is wrong: token 1 of 1 must have at least 16 characters after its scope',
    ],
    ['ADMIN_TOKENS', 'a-token-without-a-name-and-scope', TOKEN_FORM],
    ['ADMIN_TOKENS', 'alice:admin:a-token-that-is-long-enough', TOKEN_FORM],
    ['ADMIN_TOKENS', 'al ice:read:a-token-that-is-long-enough', TOKEN_FORM],
    [
      'ADMIN_TOKENS',
      'alice:read:a-token-that-is-long-enough,alice:read:another-token-long-enough',
      'must not hold the name alice twice',
    ],
    [
      'ADMIN_TOKENS',
      'alice:read:a-token-that-is-long-enough,bob:read:a-token-that-is-long-enough',
      'must not hold one token under two names',
    ],
    ['COMMERCETOOLS_MESSAGES_SECRET', 'short', 'must have at least 16 characters'],
    ['COMMERCETOOLS_MESSAGES_PATH', 'messages', 'must be a path that begins with /'],
    ['FLUENT_WEBHOOK_PUBLIC_KEYS', 'bm90IGEga2V5', UNREADABLE_KEY],
    ['FLUENT_WEBHOOK_PUBLIC_KEYS', ecKey, 'is wrong: key 1 of 1 is a key of type ec, not RSA'],
    ['FLUENT_WEBHOOK_PUBLIC_KEYS', ',', 'must hold at least one public key'],
    [
      'FLUENT_WEBHOOK_PUBLIC_KEYS',
      `${publicKey}\n${otherKey}`,
      'is wrong: key 1 of 1 continues after its end; separate keys by commas',
    ],
    ['FLUENT_WEBHOOK_PUBLIC_KEYS', `${publicKey}!`, UNREADABLE_KEY],
    ['FLUENT_WEBHOOK_PUBLIC_KEYS', pem.replace(/\n-----END.*/s, ''), UNREADABLE_KEY],
    [
      'FLUENT_WEBHOOK_PUBLIC_KEYS',
      privatePem,
      'is wrong: key 1 of 1 is a private key; give the public key instead',
    ],
    ['RETRY_BASE_DELAY', '600001', 'must not be larger than RETRY_MAX_DELAY'],
    ['FLUENT_BASE_URL', 'http:example.com', HTTP_URL],
    ['FLUENT_BASE_URL', 'see https://example.com', HTTP_URL],
    ['PORT', ' 90 00 ', 'must be a whole number from 0 to 65535'],
    ['PORT', 'x80', 'must be a whole number from 0 to 65535'],
    ['STATUS_HISTORY', 'on', 'must be audit-log or off'],
    ['ORDER_LOOKUP', 'my orderNumber', LOOKUP],
    ['ORDER_LOOKUP', 'orderNumbers', LOOKUP],
    ['ORDER_LOOKUP', 'customField:', LOOKUP],
    ['ORDER_LOOKUP', 'customField:a', LOOKUP],
    ['ORDER_LOOKUP', 'customField:my.field', LOOKUP],
    ['ORDER_LOOKUP', `customField:${'a'.repeat(37)}`, LOOKUP],
    ['ADMIN_TOKENS', ':read:a-token-that-is-long-enough', TOKEN_FORM],
    ['ADMIN_TOKENS', `${'a'.repeat(65)}:read:a-token-that-is-long-enough`, TOKEN_FORM],
    [
      'ADMIN_TOKENS',
      'alice:read:fifteen-letters',
      'is wrong: token 1 of 1 must have at least 16 characters after its scope',
    ],
  ])('refuses %s=%s, and says what it must be', (name, value, problem, blamed = name) => {
    expect(problemsOf({ ...complete, [name]: value })).toEqual([`${blamed} ${problem}`]);
  });

  it('says what is wrong in the singular when it is one thing', () => {
    expect(() => loadConnectorConfig({ ...complete, PORT: 'x' })).toThrow('has 1 problem:\n- PORT must be');
  });

  it('reads the old name of a variable with a warning; the new name wins', () => {
    const old = loadConnectorConfig({ ...complete, LOOK_AGAIN_DELAY: '7000' });
    expect(old.queue.recheckDelayMs).toBe(7000);
    expect(old.warnings).toContain('LOOK_AGAIN_DELAY is now called RECHECK_DELAY; rename it');
    const both = loadConnectorConfig({ ...complete, LOOK_AGAIN_DELAY: '7000', RECHECK_DELAY: '8000' });
    expect(both.queue.recheckDelayMs).toBe(8000);
    for (const LOOK_AGAIN_DELAY of [undefined, ' ']) {
      const { warnings } = loadConnectorConfig({ ...complete, LOOK_AGAIN_DELAY });
      expect(warnings.filter((warning) => warning.includes('LOOK_AGAIN'))).toEqual([]);
    }
  });

  it('reads how the log is written, and whether the status history is read', () => {
    const config = loadConnectorConfig({ ...complete, LOG_LEVEL: 'debug', LOG_FORMAT: 'pretty' });
    expect(config.logging).toEqual({ level: 'debug', format: 'pretty' });
    expect(config.statusHistory.isOn).toBe(true);
    const off = loadConnectorConfig({ ...complete, STATUS_HISTORY: 'off' });
    expect(off.statusHistory.isOn).toBe(false);
  });

  it('knows nothing of an account that is not configured', () => {
    const config = loadConnectorConfig(complete);
    expect(config.account('OTHER')).toBeUndefined();
    expect(config.scope('OTHER', '1')).toBeUndefined();
    expect(config.retailerIds('OTHER')).toEqual([]);
  });

  it('accepts equal delays of the first and the last retry', () => {
    expect(problemsOf({ ...complete, RETRY_BASE_DELAY: '5', RETRY_MAX_DELAY: '5' })).toEqual([]);
  });

  it('takes an empty value for one that is not set', () => {
    const config = loadConnectorConfig({ ...complete, PORT: '', FLUENT_RETAILER_IDS: ' ', ADMIN_TOKEN: ' ' });
    expect(config.server).toMatchObject({ port: 8080, adminTokens: [] });
    expect(config.retailerIds('ACME')).toEqual([]);
  });

  it.each(['customField:ab', 'customField:my-Field_1', `customField:${'a'.repeat(36)}`, 'id'])(
    'looks orders up by %s',
    (ORDER_LOOKUP) => {
      const config = loadConnectorConfig({ ...complete, ORDER_LOOKUP });
      expect(config.scope('ACME', '1')?.orderLookup).toBe(ORDER_LOOKUP);
    },
  );

  it('keeps stories only for an admin API that can show them', () => {
    expect(loadConnectorConfig(complete).history).toEqual({ ttlSeconds: 0, maxMegabytes: 256 });
    const ADMIN_TOKEN = 'sixteen-letters!';
    expect(loadConnectorConfig({ ...complete, ADMIN_TOKEN, HISTORY_TTL: '60' }).history.ttlSeconds).toBe(60);
    const ADMIN_TOKENS = 'alice:read:sixteen-letters!';
    expect(loadConnectorConfig({ ...complete, ADMIN_TOKENS }).history.ttlSeconds).toBe(604_800);
  });

  it('bounds the operations that share a request', () => {
    const { operationBatches } = loadConnectorConfig({ ...complete, OPERATION_BATCH_READS: '7' });
    expect(operationBatches).toEqual({ reads: 7, writes: 4, writesInFlight: 64 });
  });

  it('lets more requests with updates be under way with more slots', () => {
    const { operationBatches } = loadConnectorConfig({ ...complete, QUEUE_CONCURRENCY: '511' });
    expect(operationBatches.writesInFlight).toBe(128);
  });

  it('reads a URL of Redis with spaces around it', () => {
    const { queue } = loadConnectorConfig({ ...complete, REDIS_URL: ' redis://cache:6379\n' });
    expect(queue.redis).toMatchObject({ topology: 'single', url: 'redis://cache:6379' });
  });

  it('reads false as false', () => {
    const config = loadConnectorConfig({ ...complete, FLUENT_ALLOW_MD5_SIGNATURE: 'false' });
    expect(config.account('ACME')?.allowMd5Signature).toBe(false);
    const allowed = loadConnectorConfig({ ...complete, FLUENT_ALLOW_MD5_SIGNATURE: 'TRUE' });
    expect(allowed.account('ACME')?.allowMd5Signature).toBe(true);
  });

  it.each<[string, string, number]>([
    ['bare Base64', publicKey, 1],
    ['Base64 in lines', publicKey.replace(/.{64}/g, '$&\n'), 1],
    ['PEM', pem, 1],
    ['PEM with CRLF', pem.replaceAll('\n', '\r\n'), 1],
    ['PEM on one line', pem.replaceAll('\n', String.raw`\n`), 1],
    ['several', `${publicKey} , ${otherPem}`, 2],
    ['PEM after PEM', pem + otherPem, 2],
  ])('accepts public keys as %s, RSA-1024 too', (_, keys, count) => {
    const [account] = loadConnectorConfig({ ...complete, FLUENT_WEBHOOK_PUBLIC_KEYS: keys }).accounts;
    expect(account?.webhookPublicKeys).toHaveLength(count);
  });

  it.each([
    ['REDIS_URL', 'redis://redis_cache:6379'],
    ['REDIS_URL', 'rediss://user:p%40ss@cache.example.com:6380/2'],
    ['REDIS_URL', 'redis://[::1]:6379'],
    ['REDIS_URL', 'redis+sentinel://one,two:26380,[::1]:26381/main'],
    ['REDIS_URL', 'rediss+sentinel://u:p%40ss@one/main?sentinelUsername=s&sentinelPassword=p%26w&db=2'],
    ['REDIS_URL', 'redis+cluster://one:7000,two'],
    ['REDIS_URL', 'rediss+cluster://:pass@one'],
    ['CTP_API_URL', 'http://commercetools_emulator:4020'],
    ['CTP_API_URL', 'http://127.0.0.1:4020/path'],
  ])('accepts %s=%s', (name, value) => {
    expect(problemsOf({ ...complete, [name]: value })).toEqual([]);
  });

  it('requires a base URL only when the account cannot be part of a host name', () => {
    const environment = { ...complete, FLUENT_ACCOUNT_ID: 'AC ME', FLUENT_BASE_URL: 'https://acme.example/' };
    expect(loadConnectorConfig(environment).account('AC ME')?.baseUrl).toBe('https://acme.example');
  });

  it('takes no notice of spaces around a value', () => {
    const config = loadConnectorConfig({
      ...complete,
      FLUENT_ACCOUNT_ID: ' ACME\r',
      PORT: ' 9000 ',
      CONNECTOR_ROLE: 'worker ',
      PAYMENT_STATUS_MAPPING_SETTING: ' off ',
      ORDER_REF_PREFIX: ' HD_ ',
    });
    expect(config).toMatchObject({ role: 'worker', server: { port: 9000 } });
    expect(config.scope('ACME', '1')).toMatchObject({
      orderRefPrefix: 'HD_',
      mappingSettings: { payment: undefined },
    });
  });

  it('is a ConfigurationError whose message has one line for each problem', () => {
    const environment = { ...complete, PORT: 'x', FLUENT_PASSWORD: '' };
    expect(() => loadConnectorConfig(environment)).toThrow(ConfigurationError);
    expect(() => loadConnectorConfig(environment)).toThrow(
      /2 problems:\n- PORT must be [^\n]*\n- FLUENT_PASSWORD is required\n/,
    );
  });

  it('names the invalid one of several keys', () => {
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
      ADMIN_TOKENS: secret,
      PORT: 'x',
    }).join('\n');
    expect(message).toContain('PORT');
    expect(message).not.toContain(secret);
  });

  it('reads named admin tokens beside the one without a name', () => {
    const { server } = loadConnectorConfig({
      ...complete,
      ADMIN_TOKEN: 'a-token-that-is-long-enough',
      ADMIN_TOKENS: 'alice:write:another:token-long-enough,\n grafana:read:a-third-token-long-enough\n',
    });
    expect(server.adminTokens).toEqual([
      { name: 'admin', scope: 'write', secret: 'a-token-that-is-long-enough' },
      { name: 'alice', scope: 'write', secret: 'another:token-long-enough' },
      { name: 'grafana', scope: 'read', secret: 'a-third-token-long-enough' },
    ]);
  });

  it.each([
    ['name admin', 'admin:read:another-token-long-enough'],
    ['token', 'alice:read:a-token-that-is-long-enough'],
  ])('refuses a named token with the %s of ADMIN_TOKEN', (what, named) => {
    expect(
      problemsOf({ ...complete, ADMIN_TOKEN: 'a-token-that-is-long-enough', ADMIN_TOKENS: named }),
    ).toEqual([`ADMIN_TOKENS must not hold the ${what}, which is that of ADMIN_TOKEN`]);
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

  it('takes a path with spaces around it, and leaves all but the last line break of a secret', () => {
    const path = file('lines', ' pass\r\nword \r\n');
    const config = loadConnectorConfig({
      ...complete,
      FLUENT_PASSWORD: undefined,
      FLUENT_PASSWORD_FILE: ` ${path} `,
    });
    expect(config.account('ACME')?.password).toBe(' pass\r\nword ');
  });

  it('refuses a file and a value of spaces', () => {
    const path = file('spaces', ' \n');
    expect(problemsOf({ ...complete, FLUENT_PASSWORD: undefined, FLUENT_PASSWORD_FILE: path })).toEqual([
      'FLUENT_PASSWORD_FILE names an empty file',
    ]);
    expect(problemsOf({ ...complete, FLUENT_PASSWORD: ' ' })).toEqual(['FLUENT_PASSWORD is required']);
  });

  it('refuses a file that cannot be read, once', () => {
    const { CTP_CLIENT_SECRET: _, ...others } = complete;
    const path = join(dir, 'missing');
    expect(problemsOf({ ...others, CTP_CLIENT_SECRET_FILE: path })).toEqual([
      'CTP_CLIENT_SECRET_FILE must be the path of a readable file (ENOENT)',
    ]);
  });

  it('does not show a secret that was taken for a path', () => {
    const { CTP_CLIENT_SECRET: _, ...others } = complete;
    const problems = problemsOf({ ...others, CTP_CLIENT_SECRET_FILE: 's3cr3t-value' });
    expect(problems).toHaveLength(1);
    expect(problems.join()).not.toContain('s3cr3t-value');
  });

  it('refuses an empty file, also of a variable that need not be set', () => {
    const path = file('empty', '\n');
    expect(problemsOf({ ...complete, ADMIN_TOKEN_FILE: path })).toEqual([
      'ADMIN_TOKEN_FILE names an empty file',
    ]);
  });

  it.each(SECRET_VARIABLES)('reads %s from a file', (name) => {
    const token = name === 'ADMIN_TOKENS' ? 'alice:read:a-token-long-enough' : 'a-token-that-is-long-enough';
    const value = name in complete ? complete[name as keyof typeof complete] : token;
    const known = { ...complete, FLUENT_RETAILER_IDS: '1' };
    const environment = { ...known, [name]: undefined, [`${name}_FILE`]: file(name, `${value}\n`) };
    expect(loadConnectorConfig(environment)).toEqual(loadConnectorConfig({ ...known, [name]: value }));
  });

  it('refuses both forms at once', () => {
    const path = file('both', 'x');
    expect(problemsOf({ ...complete, FLUENT_PASSWORD_FILE: path })).toEqual([
      'FLUENT_PASSWORD_FILE and FLUENT_PASSWORD are both set; keep one',
    ]);
  });
});

describe('a connector without Redis', () => {
  const { REDIS_URL: _, ...others } = complete;
  const queueNeedsRedis = false;

  it('needs another queue', () => {
    expect(problemsOf(others)).toEqual([
      `REDIS_URL is required: a ${REDIS_URL_FORM.slice('must be a '.length)}`,
    ]);
    expect(loadConnectorConfig(complete).notices).toEqual([]);
  });

  it('is told what its process keeps in memory', () => {
    expect(loadConnectorConfig(others, { queueNeedsRedis }).notices).toEqual([
      'REDIS_URL is not set: this process keeps in memory the position of reconciliation, the updates that are synced, ' +
        'the Fluent order of each commercetools order, the progress of batch loads. ' +
        'A restart loses it, and replicas do not share it',
    ]);
  });

  it.each([
    { ADMIN_TOKEN: 'a-token-that-is-long-enough' },
    { ADMIN_TOKENS: 'alice:read:a-token-that-is-long-enough' },
  ])('has no admin API: %j', (tokens) => {
    expect(() => loadConnectorConfig({ ...others, ...tokens }, { queueNeedsRedis })).toThrow(
      '- REDIS_URL is required for the admin API, which keeps stories, reconciles and the overview in Redis; ' +
        'set it, or remove ADMIN_TOKEN and ADMIN_TOKENS\n',
    );
  });
});

describe('scopes', () => {
  it('accepts only the retailers that are listed', () => {
    const config = loadConnectorConfig({ ...complete, FLUENT_RETAILER_IDS: '1, 2' });
    expect(config.retailerIds('ACME')).toEqual(['1', '2']);
    expect(config.scope('ACME', '2')?.retailerId).toBe('2');
    expect(config.scopes()).toEqual([config.scope('ACME', '1'), config.scope('ACME', '2')]);
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
    expect(config.scopes()).toEqual([]);
    const scope = config.scope('ACME', '77');
    expect(scope).toMatchObject({ retailerId: '77', orderLookup: 'orderNumber' });
    expect(config.scope('ACME', '77')).toBe(scope);
    expect(Object.isFrozen(scope)).toBe(true);
    expect(config.scope('acme', '77')).toBeUndefined();
  });

  it('gives the same frozen scope each time for a retailer that is listed', () => {
    const config = loadConnectorConfig({ ...complete, FLUENT_RETAILER_IDS: '1' });
    const scope = config.scope('ACME', '1');
    expect(Object.isFrozen(scope)).toBe(true);
    expect(config.scope('ACME', '1')).toBe(scope);
  });

  it('forgets the scopes that were not asked for longest when any retailer is accepted', () => {
    const config = loadConnectorConfig(complete);
    const first = config.scope('ACME', 'first');
    for (let index = 0; index < 1000; index++) config.scope('ACME', `${index}`);
    expect(config.scope('ACME', 'first')).not.toBe(first);
    expect(config.scope('ACME', 'first')).toEqual(first);
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

  it('reads URLs with spaces and slashes at their ends, and defaults of what is left out', () => {
    const text = yaml()
      .replace('https://acme.example.com/', "' https://acme.example.com// '")
      .replace(
        'mappingSettings: { payment: off }',
        "mappingSettings: { payment: ' Off ', order: mine, shipping: its }",
      );
    const config = loadConnectorConfig({ ...base, CONNECTOR_CONFIG: file('defaults.yaml', text) });
    expect(config.account('ACME')).toMatchObject({
      baseUrl: 'https://acme.example.com',
      allowMd5Signature: false,
    });
    expect(config.scope('ACME', '2')?.mappingSettings).toEqual({
      order: 'mine',
      payment: undefined,
      shipping: 'its',
    });
  });

  it.each<[string, (text: string) => string]>([
    ['any', (text) => `${text}    retailers: any\n`],
    ['left out', (text) => text],
  ])('accepts any retailer when retailers is %s', (_, change) => {
    const text = change(yaml().replace(/ {4}retailers:[^]*/, '    project: us\n'));
    const config = loadConnectorConfig({ ...base, CONNECTOR_CONFIG: file('any.yaml', text) });
    expect(config.scope('ACME', '99')).toMatchObject({ retailerId: '99', project: { key: 'us' } });
    expect(config.retailerIds('ACME')).toEqual([]);
  });

  it('reports problems of fields, references and variables together', () => {
    const text = yaml().replace('password: p', 'pasword: p').replace('project: us', 'project: asia');
    const problems = problemsOf({ ...base, PORT: 'x', CONNECTOR_CONFIG: file('all.yaml', text) });
    expect(problems.map((problem) => problem.split(' ')[0])).toEqual([
      'PORT',
      'accounts[0].pasword',
      'accounts[0].password',
      'accounts[0].retailers[1].project',
    ]);
  });

  it('reads secrets from files', () => {
    const path = file('yaml-password', 'from-file\n');
    const text = yaml().replace('password: p', `passwordFile: ${path}`);
    const config = loadConnectorConfig({ ...base, CONNECTOR_CONFIG: file('secret.yaml', text) });
    expect(config.account('ACME')?.password).toBe('from-file');
  });

  it.each<[string, (text: string) => string, RegExp]>([
    [
      'an unknown key',
      (text) => text.replace('username: u', 'username: u\n    pasword: x'),
      /^accounts\[0\]\.pasword is not known; known are .*password, .*webhookPublicKeys$/,
    ],
    [
      'a missing field',
      (text) => text.replace('clientSecret: s\n', '\n'),
      /^accounts\[0\]\.clientSecret is required$/,
    ],
    [
      'an unknown project',
      (text) => text.replace('project: us', 'project: asia'),
      /^accounts\[0\]\.retailers\[1\]\.project asia is not one of the projects: eu, us$/,
    ],
    [
      'no project among several',
      (text) => text.replace('        project: eu\n', ''),
      /^accounts\[0\]\.retailers\[0\]\.project is required/,
    ],
    [
      'the same retailer twice',
      (text) => text.replace("id: '2'", "id: '1'"),
      /^accounts\[0\]\.retailers\[1\]\.id 1 is already that of accounts\[0\]\.retailers\[0\]$/,
    ],
    [
      'the same project twice',
      (text) => text.replace('key: us', 'key: eu').replace('project: us', 'project: eu'),
      /^projects\[1\]\.key eu is already that of projects\[0\]$/,
    ],
    [
      'a broken key',
      (text) => text.replace(publicKey, 'AAAA'),
      /^accounts\[0\]\.webhookPublicKeys is wrong: key 1 of 1/,
    ],
    [
      'a secret file that is not there',
      (text) => text.replace('password: p', 'passwordFile: /nowhere'),
      /^accounts\[0\]\.passwordFile must be the path of a readable file \(ENOENT\)$/,
    ],
    [
      'a secret twice',
      (text) => text.replace('password: p', 'password: p\n    passwordFile: /nowhere'),
      /^accounts\[0\]\.passwordFile and password are both set; keep one$/,
    ],
    [
      'a secret that YAML reads as a number',
      (text) => text.replace('password: p', 'password: 123'),
      /^accounts\[0\]\.password must be text; put it in quotes$/,
    ],
    [
      'the same account twice',
      (text) => text + text.slice(text.indexOf('  - id: ACME')),
      /^accounts\[1\]\.id ACME is already that of accounts\[0\]$/,
    ],
    [
      'an unknown project of the account',
      (text) => text.replace('orderRefPrefix: HD_', 'project: asia'),
      /^accounts\[0\]\.project asia is not one of the projects: eu, us$/,
    ],
    [
      'any retailer without a project among several',
      (text) => text.replace(/ {4}retailers:[^]*/, ''),
      /^accounts\[0\]\.project is required, because there are several: eu, us$/,
    ],
    [
      'an empty list of retailers',
      (text) => text.replace(/ {4}retailers:[^]*/, '    project: eu\n    retailers: []\n'),
      /^accounts\[0\]\.retailers must be any, or a list of at least one retailer$/,
    ],
    [
      'a list of retailers that was commented out',
      (text) => text.replace(/ {4}retailers:[^]*/, '    project: eu\n    retailers:\n'),
      /^accounts\[0\]\.retailers must be any, or a list of at least one retailer$/,
    ],
    [
      'a retailer that is only its id',
      (text) => text.replace(/- id: 1\n.*\n/, '- 1\n'),
      /^accounts\[0\]\.retailers\[0\] must hold keys and values$/,
    ],
    [
      'accounts that are not a list',
      (text) => text.replace(/accounts:[^]*/, 'accounts: { ACME: { password: p } }'),
      /^accounts must be a list of at least one account$/,
    ],
    [
      'an account id that cannot be part of a host name, without an address',
      (text) => text.replace('id: ACME', 'id: AC ME').replace(/ {4}baseUrl.*\n/, ''),
      /^accounts\[0\]\.baseUrl is required, because the id cannot be part of a host name$/,
    ],
    [
      'a switch in quotes',
      (text) => text.replace('username: u', "username: u\n    allowMd5Signature: 'false'"),
      /^accounts\[0\]\.allowMd5Signature must be true or false$/,
    ],
    [
      'a blank field',
      (text) => text.replace('username: u', "username: ' '"),
      /^accounts\[0\]\.username is required$/,
    ],
    [
      'a field without a value',
      (text) => text.replace('username: u', 'username:'),
      /^accounts\[0\]\.username is required$/,
    ],
    [
      'an address that is not text',
      (text) => text.replace('https://acme.example.com/', '7'),
      /^accounts\[0\]\.baseUrl must be an http or https URL without user, query and fragment$/,
    ],
    [
      'a look-up that is not text',
      (text) => text.replace('orderRefPrefix: HD_', 'orderLookup: [id]'),
      /^accounts\[0\]\.orderLookup must be orderNumber, id or customField:<name>$/,
    ],
    [
      'public keys that are not a list',
      (text) => text.replace(/webhookPublicKeys:\n.*\n/, 'webhookPublicKeys: 7\n'),
      /^accounts\[0\]\.webhookPublicKeys must hold at least one public key$/,
    ],
    [
      'a public key that is not text',
      (text) => text.replace(publicKey, '7'),
      /^accounts\[0\]\.webhookPublicKeys is wrong: key 1 of 1 is not text$/,
    ],
    [
      'an account that is only its id',
      (text) => text.replace(/accounts:[^]*/, 'accounts: [ACME]'),
      /^accounts\[0\] must hold keys and values$/,
    ],
    [
      'accounts of nothing',
      (text) => text.replace(/accounts:[^]*/, 'accounts: [~]'),
      /^accounts\[0\] must hold keys and values$/,
    ],
    [
      'a project whose key is a number, also when an account names it',
      (text) => text.replace('key: us', 'key: 7').replace('project: us', 'project: eu'),
      /^projects\[1\]\.key must be text; put it in quotes$/,
    ],
    [
      'a project of an account that is not text',
      (text) => text.replace('orderRefPrefix: HD_', 'project: 7'),
      /^accounts\[0\]\.project must be text; put it in quotes$/,
    ],
    [
      'a secret file that is not a path',
      (text) => text.replace('password: p', 'passwordFile: [p]'),
      /^accounts\[0\]\.passwordFile must be the path of a readable file$/,
    ],
    [
      'a secret file of a project that is empty',
      (text) => text.replace('clientSecret: b', `clientSecretFile: ${file('nothing', '')}`),
      /^projects\[0\]\.clientSecretFile names an empty file$/,
    ],
    [
      'an alias without anchor',
      () => 'accounts: *acme',
      /^CONNECTOR_CONFIG \S+ is not YAML \(an alias has no anchor, or there are too many\)$/,
    ],
    ['an empty file', () => '', /^CONNECTOR_CONFIG \S+ must have the keys accounts and projects$/],
    [
      'broken YAML',
      () => 'projects: []\naccounts: [',
      /^CONNECTOR_CONFIG \S+ is not YAML \(line 2: BAD_INDENT\)$/,
    ],
    ['a list', () => '- 1', /^CONNECTOR_CONFIG \S+ must have the keys accounts and projects$/],
    ['a text', () => 'accounts', /^CONNECTOR_CONFIG \S+ must have the keys accounts and projects$/],
  ])('refuses %s', (_, change, expected) => {
    const problems = problemsOf({ ...base, CONNECTOR_CONFIG: file('wrong.yaml', change(yaml())) });
    expect(problems).toEqual([expect.stringMatching(expected)]);
  });

  it('lists everything that is missing', () => {
    const problems = problemsOf({ ...base, CONNECTOR_CONFIG: file('missing.yaml', 'accounts: [{}]') });
    expect(problems).toEqual([
      ...['id', 'username', 'password', 'clientId', 'clientSecret'].map(
        (name) => `accounts[0].${name} is required`,
      ),
      'accounts[0].webhookPublicKeys must hold at least one public key',
      'projects must be a list of at least one project',
    ]);
  });

  it('shows no secret of a file that is not YAML', () => {
    const path = file('secret-line.yaml', 'accounts:\n  - password: "s3cr3t-value\n');
    expect(problemsOf({ ...base, CONNECTOR_CONFIG: path })).toEqual([
      `CONNECTOR_CONFIG ${path} is not YAML (line 3: MISSING_CHAR)`,
    ]);
  });

  it('refuses a file that is not there', () => {
    const path = join(dir, 'none.yaml');
    expect(problemsOf({ ...base, CONNECTOR_CONFIG: path })).toEqual([
      `CONNECTOR_CONFIG ${path} cannot be read (ENOENT)`,
    ]);
  });

  it('refuses the variables that it replaces', () => {
    const path = file('replaced.yaml', yaml());
    expect(problemsOf({ ...complete, CONNECTOR_CONFIG: path })[0]).toMatch(
      /^CONNECTOR_CONFIG is set, so these must not be: FLUENT_ACCOUNT_ID, .*CTP_SCOPES$/,
    );
  });
});

describe('messages from commercetools', () => {
  const audience = 'https://connector.example.com';
  const known = { ...complete, FLUENT_RETAILER_IDS: '1' };
  const serviceAccount = 'push@project.iam.gserviceaccount.com';

  it('are disabled until their sender can be verified', () => {
    expect(loadConnectorConfig(known).commercetoolsMessages).toBeUndefined();
  });

  it('trust the tokens of one service account, or a secret', () => {
    const env = {
      ...known,
      COMMERCETOOLS_MESSAGES_AUDIENCE: audience,
      COMMERCETOOLS_MESSAGES_SERVICE_ACCOUNT: serviceAccount,
    };
    expect(loadConnectorConfig(env).commercetoolsMessages).toEqual({
      path: '/api/v1/commercetools/messages',
      oidc: {
        audience,
        issuer: 'https://accounts.google.com',
        jwksUrl: 'https://www.googleapis.com/oauth2/v3/certs',
        serviceAccount,
      },
      secret: undefined,
    });
    const secret = file('message-secret', '0123456789abcdef\n');
    expect(
      loadConnectorConfig({ ...known, COMMERCETOOLS_MESSAGES_SECRET_FILE: secret }).commercetoolsMessages,
    ).toEqual({ path: '/api/v1/commercetools/messages', oidc: undefined, secret: '0123456789abcdef' });
  });

  it.each([
    [
      'tokens of any user of an issuer',
      { COMMERCETOOLS_MESSAGES_AUDIENCE: audience, COMMERCETOOLS_MESSAGES_ISSUER: 'accounts.google.com' },
      /^COMMERCETOOLS_MESSAGES_SERVICE_ACCOUNT or COMMERCETOOLS_MESSAGES_SUBJECT is required with COMMERCETOOLS_MESSAGES_AUDIENCE, because an issuer signs tokens for any audience for all its users$/,
    ],
    [
      'expected values without an audience',
      {
        COMMERCETOOLS_MESSAGES_ISSUER: 'https://issuer.example.com/',
        COMMERCETOOLS_MESSAGES_JWKS_URL: 'https://issuer.example.com/keys',
        COMMERCETOOLS_MESSAGES_SUBJECT: 'sender-1',
      },
      /^COMMERCETOOLS_MESSAGES_AUDIENCE is required, because this is set: COMMERCETOOLS_MESSAGES_ISSUER, COMMERCETOOLS_MESSAGES_JWKS_URL, COMMERCETOOLS_MESSAGES_SUBJECT$/,
    ],
    [
      'an expected account without an audience',
      { COMMERCETOOLS_MESSAGES_SERVICE_ACCOUNT: serviceAccount },
      /^COMMERCETOOLS_MESSAGES_AUDIENCE is required, because this is set: COMMERCETOOLS_MESSAGES_SERVICE_ACCOUNT$/,
    ],
    [
      'a key set that is not a URL',
      {
        COMMERCETOOLS_MESSAGES_AUDIENCE: audience,
        COMMERCETOOLS_MESSAGES_ISSUER: 'https://issuer.example.com/',
        COMMERCETOOLS_MESSAGES_SUBJECT: 'sender-1',
        COMMERCETOOLS_MESSAGES_JWKS_URL: 'certs',
      },
      /^COMMERCETOOLS_MESSAGES_JWKS_URL must be an http or https URL/,
    ],
    [
      'the path of the webhook',
      { COMMERCETOOLS_MESSAGES_PATH: '/api/v1/fluent-connect/webhook' },
      /^COMMERCETOOLS_MESSAGES_PATH must differ from WEBHOOK_PATH$/,
    ],
    [
      'any retailer',
      { COMMERCETOOLS_MESSAGES_SECRET: '0123456789abcdef', FLUENT_RETAILER_IDS: '' },
      /^FLUENT_RETAILER_IDS must name the retailers of account ACME/,
    ],
  ])('refuse %s', (_, env, expected) => {
    const problems = problemsOf({ ...known, ...env });
    expect(problems).toHaveLength(1);
    expect(problems[0]).toMatch(expected);
  });
});

describe('the management listener', () => {
  it.each([
    [{}, undefined],
    [{ MANAGEMENT_PORT: '8080' }, undefined],
    [{ MANAGEMENT_PORT: '9090' }, 9090],
    [{ PORT: '0', MANAGEMENT_PORT: '0' }, 0],
  ])('of %j has the separate port %s', (env, port) => {
    expect(loadConnectorConfig({ ...complete, ...env }).server.managementPort).toBe(port);
  });

  it.each([
    ['WEBHOOK_PATH', '/metrics'],
    ['WEBHOOK_PATH', '/health/live'],
    ['WEBHOOK_PATH', '/admin/webhook'],
    ['COMMERCETOOLS_MESSAGES_PATH', '/health'],
  ])('keeps its paths to itself: %s=%s is refused', (name, path) => {
    expect(problemsOf({ ...complete, [name]: path })).toEqual([
      `${name} must not be one of /health, /metrics, /admin or below it`,
    ]);
  });
});

describe('a weak public key', () => {
  const spki = (modulusLength: number, publicExponent?: number): string =>
    generateKeyPairSync('rsa', { modulusLength, publicExponent })
      .publicKey.export({ type: 'spki', format: 'der' })
      .toString('base64');
  /** Node generates no key with e = 1, which turns every message into its own signature. */
  const withExponentOne = (): string => {
    const { n } = generateKeyPairSync('rsa', { modulusLength: 1024 }).publicKey.export({ format: 'jwk' });
    return createPublicKey({ key: { kty: 'RSA', n, e: 'AQ' }, format: 'jwk' })
      .export({ type: 'spki', format: 'der' })
      .toString('base64');
  };

  it.each([
    ['RSA-512', () => spki(512), /has 512 bits; at least 1024 are required/],
    ['e = 3', () => spki(1024, 3), /has the public exponent 3; at least 65537 is required/],
    ['e = 1', withExponentOne, /has the public exponent 1; at least 65537 is required/],
  ])('with %s is refused at start', (_case, key, expected) => {
    const problems = problemsOf({ ...complete, FLUENT_WEBHOOK_PUBLIC_KEYS: key() });
    expect(problems).toHaveLength(1);
    expect(problems[0]).toMatch(expected);
  });
});
