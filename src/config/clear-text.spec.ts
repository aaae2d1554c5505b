import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { COMPLETE_ENVIRONMENT as complete } from '../../test/support/complete-environment.js';
import { loadConnectorConfig } from './load-connector-config.js';
import { loadFluentConfig } from './load-fluent-config.js';

const HTTP = 'connects to another host without TLS; use https://';
const REDIS = 'connects to another host without TLS; use rediss:// in place of redis://';

let dir: string;
beforeAll(() => {
  dir = mkdtempSync(join(tmpdir(), 'connector-clear-text-'));
});
afterAll(() => rmSync(dir, { recursive: true }));

function yamlFile(document: object): string {
  const path = join(dir, 'connector.yaml');
  // JSON is YAML.
  writeFileSync(path, JSON.stringify(document));
  return path;
}

describe('a connection without TLS', () => {
  it.each([
    [{ REDIS_URL: 'redis://:hunter2@redis.prod:6379' }, `REDIS_URL ${REDIS}`],
    [{ REDIS_URL: 'redis://connector-redis' }, `REDIS_URL ${REDIS}`],
    [{ REDIS_URL: 'redis://[fd00::1]:6379' }, `REDIS_URL ${REDIS}`],
    [{ REDIS_URL: 'redis+sentinel://:hunter2@127.0.0.1,10.0.0.7/main' }, `REDIS_URL ${REDIS}`],
    [{ REDIS_URL: 'redis+cluster://:hunter2@one,two' }, `REDIS_URL ${REDIS}`],
    [{ FLUENT_BASE_URL: 'http://fluent.prod' }, `FLUENT_BASE_URL ${HTTP}`],
    [{ CTP_AUTH_URL: 'http://10.1.2.3' }, `CTP_AUTH_URL ${HTTP}`],
    [{ CTP_API_URL: 'HTTP://api.prod/' }, `CTP_API_URL ${HTTP}`],
    [
      {
        FLUENT_RETAILER_IDS: '1',
        COMMERCETOOLS_MESSAGES_AUDIENCE: 'connector',
        COMMERCETOOLS_MESSAGES_SUBJECT: 'sender',
        COMMERCETOOLS_MESSAGES_JWKS_URL: 'http://issuer.prod/keys',
      },
      `COMMERCETOOLS_MESSAGES_JWKS_URL ${HTTP}`,
    ],
  ])('to another host is warned about, and refused with REQUIRE_TLS: %j', (env, expected) => {
    expect(loadConnectorConfig({ ...complete, ...env }).warnings).toEqual([expected]);
    const secured = { ...complete, ...env, REQUIRE_TLS: 'true' };
    expect(() => loadConnectorConfig(secured)).toThrow(`- ${expected} (REQUIRE_TLS)`);
    // Neither hosts nor passwords are for those who read the log or /health.
    expect(() => loadConnectorConfig(secured)).not.toThrow(/hunter2|prod|10\./);
  });

  it.each([
    { REDIS_URL: 'redis://:password@localhost:6379' },
    { REDIS_URL: 'redis://:password@127.0.0.2:6379' },
    { REDIS_URL: 'redis://[::1]:6379' },
    { REDIS_URL: 'rediss://:password@redis.prod:6379' },
    { REDIS_URL: 'rediss+sentinel://:password@one,two/main' },
    { REDIS_URL: 'redis+cluster://127.0.0.1:7000,[::1]:7001' },
    { FLUENT_BASE_URL: 'http://localhost:4010' },
    { CTP_AUTH_URL: 'http://127.1:4020', CTP_API_URL: 'http://[::ffff:127.0.0.1]:4020' },
    // Nobody reads this key set.
    { COMMERCETOOLS_MESSAGES_SECRET: '0123456789abcdef', FLUENT_RETAILER_IDS: '1' },
  ])('that is encrypted or stays within the machine is accepted with REQUIRE_TLS: %j', (env) => {
    expect(loadConnectorConfig({ ...complete, ...env, REQUIRE_TLS: 'true' }).warnings).toEqual([]);
  });

  it('is named by its place in the file, each one', () => {
    const account = { username: 'u', password: 'p', clientId: 'c', clientSecret: 's' };
    const CONNECTOR_CONFIG = yamlFile({
      accounts: ['ONE', 'TWO'].map((id) => ({
        ...account,
        id,
        ...(id === 'TWO' && { baseUrl: 'http://fluent.prod' }),
        webhookPublicKeys: [complete.FLUENT_WEBHOOK_PUBLIC_KEYS],
      })),
      projects: [
        {
          key: 'shop',
          clientId: 'c',
          clientSecret: 's',
          authUrl: 'http://auth.prod',
          apiUrl: 'https://api.prod',
          scopes: 'manage_orders:shop',
        },
      ],
    });
    const { REDIS_URL } = complete;
    expect(() => loadConnectorConfig({ REDIS_URL, CONNECTOR_CONFIG, REQUIRE_TLS: 'true' })).toThrow(
      `- accounts[1].baseUrl ${HTTP} (REQUIRE_TLS)\n- projects[0].authUrl ${HTTP} (REQUIRE_TLS)\n`,
    );
    // The command line reads the accounts alone.
    expect(loadFluentConfig({ CONNECTOR_CONFIG }).warnings).toEqual([`accounts[1].baseUrl ${HTTP}`]);
  });

  it('is refused to the command line, too', () => {
    const env = { ...complete, FLUENT_BASE_URL: 'http://fluent.prod' };
    expect(loadFluentConfig(env).warnings).toEqual([`FLUENT_BASE_URL ${HTTP}`]);
    expect(() => loadFluentConfig({ ...env, REQUIRE_TLS: 'true' })).toThrow(`- FLUENT_BASE_URL ${HTTP}`);
    expect(() => loadFluentConfig({ ...env, REQUIRE_TLS: 'yes' })).toThrow(
      'REQUIRE_TLS must be true or false',
    );
  });
});
