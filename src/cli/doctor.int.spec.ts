import { Injectable } from '@nestjs/common';
import { Redis } from 'ioredis';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { COMPLETE_ENVIRONMENT } from '../../test/support/complete-environment.js';
import { runCommand } from '../../test/support/command-line.js';
import { startTcpProxy } from '../../test/support/tcp-proxy.js';
import { ConnectorConfig } from '../config/index.js';
import { compare } from '../doctor/checks/clock.js';
import { hooksCheck } from '../doctor/checks/hooks.js';
import type { CheckFinding, Finding } from '../doctor/index.js';
import { OrderStatusHook } from '../order-status/index.js';
import {
  CommercetoolsEmulator,
  FluentEmulator,
  PrivateRedis,
  createTestConnector,
  generateWebhookKeys,
} from '../testing/index.js';

const ORDER_MAPPING = 'fc.connect.commercetools.order.order-status-mapping';
const SHIPPING_MAPPING = 'fc.connect.commerce-tools.order.shipping-status-mapping';

// Each run of a command starts the connector's services.
describe('doctor', { timeout: 60_000 }, () => {
  let redis: PrivateRedis;
  const webhookKeys = generateWebhookKeys();
  let fluent: FluentEmulator;
  let commercetools: CommercetoolsEmulator;

  beforeAll(async () => {
    redis = await PrivateRedis.start();
  });
  afterAll(() => redis.stop());
  beforeEach(async () => {
    fluent = await new FluentEmulator({ webhookKeys }).start();
    fluent.useReferenceMappings();
    commercetools = await new CommercetoolsEmulator().start();
  });
  afterEach(() => Promise.all([fluent.stop(), commercetools.stop()]));

  /** @returns the findings of one check. */
  async function doctor(only: string, env: Record<string, string> = {}, ...more: string[]) {
    const environment: Record<string, string> = {
      ...fluent.environment,
      ...commercetools.environment,
      REDIS_URL: redis.url,
      ...env,
    };
    const { code, out, error } = await runCommand(['doctor', '--only', only, '--json', ...more], {
      env: environment,
    });
    const secrets = (['FLUENT_PASSWORD', 'FLUENT_CLIENT_SECRET', 'CTP_CLIENT_SECRET'] as const)
      .map((name) => environment[name])
      .filter((secret) => secret && (out + error).includes(secret));
    expect(secrets).toEqual([]);
    expect(error).toBe('');
    const { ok, findings } = JSON.parse(out) as { ok: boolean; findings: CheckFinding[] };
    expect(ok).toBe(code === 0);
    return { code, findings, of: (subject: string) => find(findings, subject) };
  }

  it('waits for Redis before it tells the story of an order, even when no check has needed Redis', async () => {
    await using proxy = await startTcpProxy(Number(new URL(redis.url).port));
    proxy.refusals = 4;
    const { ref } = fluent.addOrder({ ref: 'O_1', status: 'CANCELLED' });
    commercetools.addOrder({ orderNumber: ref });
    const env = { REDIS_URL: `redis://127.0.0.1:${proxy.port}` };
    const { of } = await doctor('webhook-keys', env, '--order', ref);
    expect(proxy.refusals).toBe(0);
    expect(of(`order ${ref}`).message).toContain('No notification of CANCELLED is on record');
  });

  it('compares an order without Redis, and says that Redis does not answer', async () => {
    const { ref } = fluent.addOrder({ ref: 'O_1', status: 'CANCELLED' });
    commercetools.addOrder({ orderNumber: ref });
    const env = { ...fluent.environment, ...commercetools.environment, REDIS_URL: 'redis://127.0.0.1:1' };
    const { out, error } = await runCommand(['doctor', '--only', 'webhook-keys', '--order', ref], { env });
    expect(error).toMatch(/^warning: Redis does not answer: .*ECONNREFUSED.*; check REDIS_URL$/m);
    expect(out).toContain('orderState is Open and should be Cancelled');
    expect(out).toContain('Whether a notification of CANCELLED came is not known');
  });

  describe('configuration', () => {
    it('passes when the configuration is valid', async () => {
      const { code, of } = await doctor('configuration');
      expect(code).toBe(0);
      expect(of('configuration')).toMatchObject({
        status: 'pass',
        message: expect.stringContaining('valid'),
      });
    });

    it('warns of a connection without TLS, and fails on it with --strict', async () => {
      const env = { FLUENT_BASE_URL: 'http://nobody.invalid' };
      const { code, findings } = await doctor('configuration', env);
      expect(code).toBe(0);
      expect(findings).toContainEqual(
        expect.objectContaining({ status: 'warn', message: expect.stringContaining('FLUENT_BASE_URL') }),
      );
      expect((await doctor('configuration', env, '--strict')).code).toBe(1);
    });

    it('names each problem of an invalid configuration, and skips what needs a valid one', async () => {
      const { code, findings } = await doctor('configuration,fluent', {
        FLUENT_PASSWORD: '',
        FLUENT_WEBHOOK_PUBLIC_KEYS: 'not a key',
      });
      expect(code).toBe(1);
      expect(findings).toEqual([
        expect.objectContaining({ status: 'fail', message: 'FLUENT_PASSWORD is required' }),
        expect.objectContaining({
          status: 'fail',
          message: expect.stringContaining('FLUENT_WEBHOOK_PUBLIC_KEYS'),
        }),
        expect.objectContaining({ check: 'fluent', status: 'skip', message: 'needs a valid configuration' }),
      ]);
    });

    it('refuses a check that does not exist', async () => {
      const { code, error } = await runCommand(['doctor', '--only', 'redis,flunt']);
      expect(code).toBe(2);
      expect(error).toContain('flunt is not a check; the checks are configuration, redis');
    });
  });

  describe('redis', () => {
    it('passes with a durable server and enough rights', async () => {
      const { code, of } = await doctor('redis');
      expect(code).toBe(0);
      expect(of('Redis: rights').status).toBe('pass');
      expect(of('Redis: version')).toMatchObject({
        status: 'pass',
        message: expect.stringMatching(/^\d+\./),
      });
      expect(of('Redis: durability').status).toBe('pass');
    });

    it('warns when the server may lose or evict notifications', async () => {
      const admin = new Redis(redis.url);
      try {
        await admin.config('SET', 'appendonly', 'no');
        await admin.config('SET', 'maxmemory-policy', 'allkeys-lru');
        const { findings } = await doctor('redis');
        expect(findings.filter(({ status }) => status === 'warn')).toEqual([
          expect.objectContaining({ subject: 'Redis: durability', advice: 'set appendonly yes' }),
          expect.objectContaining({
            subject: 'Redis: durability',
            advice: 'set maxmemory-policy noeviction',
          }),
        ]);
      } finally {
        await admin.config('SET', 'appendonly', 'yes');
        await admin.config('SET', 'maxmemory-policy', 'noeviction');
        admin.disconnect();
      }
    });

    it('names the commands that the user may not run', async () => {
      const admin = new Redis(redis.url);
      await admin.acl(
        'SETUSER',
        'weak',
        'on',
        '>secret-of-redis',
        '~*',
        '+@all',
        '-eval',
        '-zadd',
        '-@admin',
      );
      const url = new URL(redis.url);
      url.username = 'weak';
      url.password = 'secret-of-redis';
      try {
        const { code, of, findings } = await doctor('redis', { REDIS_URL: url.href });
        expect(code).toBe(1);
        expect(of('Redis: rights')).toMatchObject({
          status: 'fail',
          message: 'the user may not run ZADD, EVAL',
          advice: expect.stringContaining('+@all -@admin -@dangerous +info'),
        });
        expect(JSON.stringify(findings)).not.toContain('secret-of-redis');
      } finally {
        await admin.acl('DELUSER', 'weak');
        admin.disconnect();
      }
    });

    it('leaves no key behind', async () => {
      const admin = new Redis(redis.url);
      await doctor('redis');
      expect(await admin.keys('*doctor*')).toEqual([]);
      admin.disconnect();
    });

    it('fails when no server answers, and skips the queue', async () => {
      const { code, of } = await doctor('redis,queue', { REDIS_URL: 'redis://127.0.0.1:1' });
      expect(code).toBe(1);
      expect(of('Redis')).toMatchObject({ status: 'fail', message: expect.stringContaining('ECONNREFUSED') });
      expect(of('queue').status).toBe('skip');
    });
  });

  describe('webhook-keys', () => {
    it('shows size and fingerprint of each key, and warns of MD5', async () => {
      const strict = await doctor('webhook-keys');
      expect(strict.of('webhook keys of account ACME')).toMatchObject({
        status: 'pass',
        message: expect.stringMatching(/^RSA \d+ bits, SHA-256 [0-9a-f]{16}…$/),
      });
      const { findings } = await doctor('webhook-keys', { FLUENT_ALLOW_MD5_SIGNATURE: 'true' });
      expect(findings.map(({ status }) => status)).toEqual(['pass', 'warn']);
    });
  });

  describe('fluent', () => {
    it('passes when the user may read orders, settings and events', async () => {
      const { code, findings } = await doctor('fluent');
      expect(code).toBe(0);
      expect(findings.map(({ status }) => status)).toEqual(['pass', 'pass', 'pass', 'pass']);
    });

    it('fails on refused credentials, and tries nothing else with them', async () => {
      const { code, findings } = await doctor('fluent,mappings', { FLUENT_USERNAME: 'nobody' });
      expect(code).toBe(1);
      expect(findings[0]).toMatchObject({
        status: 'fail',
        message: expect.stringContaining('check FLUENT_USERNAME'),
      });
      expect(findings.slice(1).map(({ status }) => status)).toEqual(['skip', 'skip', 'skip', 'skip']);
    });

    it.each([
      ['orders', 'orders', 'fail'],
      ['settings', 'settings', 'fail'],
      // Orders are synced without it, if each mapping has an entry for each status.
      ['findEvents', 'events', 'warn'],
    ])('reports that the user may not call %s', async (operation, right, status) => {
      fluent.faults.set({ kind: 'forbidden', operation });
      const { of } = await doctor('fluent');
      expect(of(`Fluent account ACME: ${right}`)).toMatchObject({
        status,
        message: expect.stringContaining('403'),
      });
      expect(of('Fluent account ACME: token').status).toBe('pass');
    });

    it('skips the events when STATUS_HISTORY is off', async () => {
      const { of } = await doctor('fluent', { STATUS_HISTORY: 'off' });
      expect(of('Fluent account ACME: events')).toMatchObject({
        status: 'skip',
        message: 'STATUS_HISTORY=off',
      });
    });
  });

  describe('mappings', () => {
    const shipping = 'shipping mapping of retailer 1 of account ACME';

    it('passes with valid mappings, and says from which setting each comes', async () => {
      const { code, of } = await doctor('mappings');
      expect(code).toBe(0);
      expect(of('order mapping of retailer 1 of account ACME')).toMatchObject({
        status: 'pass',
        message: `${ORDER_MAPPING} (RETAILER 1), 10 statuses`,
      });
    });

    it('fails when a setting is missing, and says how to create it', async () => {
      fluent.removeSetting(SHIPPING_MAPPING);
      const { code, of } = await doctor('mappings');
      expect(code).toBe(1);
      expect(of(shipping)).toMatchObject({
        status: 'fail',
        message: expect.stringContaining(`setting ${SHIPPING_MAPPING} or `),
        advice: 'run `setup` to create it, or set SHIPPING_STATUS_MAPPING_SETTING=off',
      });
    });

    it('fails when a state does not exist in commercetools', async () => {
      fluent.setSetting({
        name: SHIPPING_MAPPING,
        lobValue: { fluent: { BOOKED: 'Sent', COMPLETE: 'Shipped' } },
      });
      const { of } = await doctor('mappings');
      expect(of(shipping)).toMatchObject({
        status: 'fail',
        message: expect.stringMatching(/maps the status BOOKED to "Sent".*allowed are .*Shipped/),
      });
    });

    it('warns of statuses that one mapping lacks when no status history fills the gaps', async () => {
      const completeness = 'completeness of the mappings of retailer 1 of account ACME';
      const { of } = await doctor('mappings', { STATUS_HISTORY: 'off' });
      expect(of(completeness)).toMatchObject({
        status: 'warn',
        message: expect.stringContaining('shipmentState has no entry for PENDING_PAYMENT'),
      });
      expect((await doctor('mappings')).of(completeness).status).toBe('pass');
    });

    it('skips a mapping that is switched off, and an account whose retailers are not named', async () => {
      expect((await doctor('mappings', { SHIPPING_STATUS_MAPPING_SETTING: 'off' })).of(shipping).status).toBe(
        'skip',
      );
      const { findings } = await doctor('mappings', { FLUENT_RETAILER_IDS: '' });
      expect(findings).toEqual([
        expect.objectContaining({ status: 'skip', message: expect.stringContaining('FLUENT_RETAILER_IDS') }),
      ]);
    });
  });

  describe('commercetools', () => {
    const project = 'commercetools project demo';

    it('passes with a token, enough scopes and a readable order', async () => {
      commercetools.addOrder({ orderNumber: 'O_1' });
      const { code, findings } = await doctor('commercetools');
      expect(code).toBe(0);
      expect(findings.map(({ status }) => status)).toEqual(['pass', 'pass', 'pass']);
    });

    it('fails when the scopes do not allow changes, or commercetools does not grant them', async () => {
      const { code, of } = await doctor('commercetools', { CTP_SCOPES: 'view_orders:demo' });
      expect(code).toBe(1);
      expect(of(`${project}: scopes`)).toMatchObject({
        status: 'fail',
        advice: expect.stringContaining('add manage_orders:demo'),
      });
      const refused = await doctor('commercetools', { CTP_CLIENT_ID: 'nobody' });
      expect(refused.of(`${project}: token`)).toMatchObject({
        status: 'fail',
        message: expect.stringContaining('check CTP_CLIENT_ID'),
      });
      expect(refused.of(`${project}: orders`).status).toBe('skip');
    });

    it('fails when orders cannot be read', async () => {
      commercetools.faults.set({ kind: 'forbidden', operation: 'orders' });
      expect((await doctor('commercetools')).of(`${project}: orders`)).toMatchObject({
        status: 'fail',
        message: expect.stringContaining('403'),
      });
    });
  });

  describe('clock', () => {
    it('passes when both systems have the same time', async () => {
      const { findings } = await doctor('clock');
      expect(findings.map(({ status }) => status)).toEqual(['pass', 'pass']);
    });

    it.each([
      ['pass', 'Sun, 01 Mar 2026 08:00:00 GMT', 0],
      ['pass', 'Sun, 01 Mar 2026 08:00:00 GMT', 5000],
      ['warn', 'Sun, 01 Mar 2026 08:00:00 GMT', 20_000],
      ['warn', 'Sun, 01 Mar 2026 08:00:00 GMT', -20_000],
      ['fail', 'Sun, 01 Mar 2026 08:00:00 GMT', 120_000],
      ['skip', null, 0],
    ])('ends with %s for %j when this machine is %d ms ahead', (status, header, aheadMs) => {
      const now = Date.parse('2026-03-01T08:00:00.500Z') + aheadMs;
      expect(compare('clock', header, now - 100, now).status).toBe(status);
    });
  });
});

describe('the check of the fields of hooks', { timeout: 60_000 }, () => {
  @OrderStatusHook({
    fluentFields: 'fragment Carrier on Order { attributes { name value } }',
    commercetoolsFields: 'fragment Number on Order { orderNumber }',
  })
  @Injectable()
  class GoodHook {
    skip() {
      return false;
    }
  }
  @OrderStatusHook({ fluentFields: 'fragment Carrier on Order { carrierName }', required: false })
  @Injectable()
  class WrongHook {
    skip() {
      return false;
    }
  }

  @OrderStatusHook({ commercetoolsFields: 'fragment Weight on Order { weightInGrams }' })
  @Injectable()
  class WrongRequiredHook {
    skip() {
      return false;
    }
  }

  async function findings(
    providers: (typeof GoodHook | typeof WrongHook | typeof WrongRequiredHook)[],
  ): Promise<Finding[]> {
    // A worker would not start with a required hook whose fields are refused.
    await using connector = await createTestConnector({ providers, env: { CONNECTOR_ROLE: 'ingress' } });
    const { app } = connector;
    const context = { services: app, config: app.get(ConnectorConfig), signal: new AbortController().signal };
    const found: Finding[] = [];
    for await (const finding of hooksCheck.run({ ...context, earlier: [] })) found.push(finding);
    return found;
  }

  it('passes when both schemas have the fields, without an order', async () => {
    expect((await findings([GoodHook])).map(({ status }) => status)).toEqual(['pass', 'pass']);
  });

  it('fails when a schema lacks a field of a required hook', async () => {
    expect(await findings([WrongRequiredHook])).toEqual([
      expect.objectContaining({
        subject: 'fields of hooks in commercetools project demo',
        status: 'fail',
        message: expect.stringMatching(/^WrongRequiredHook: .*weightInGrams/),
      }),
    ]);
  });

  it('warns when a schema lacks a field of a hook that is not required', async () => {
    expect(await findings([WrongHook])).toEqual([
      expect.objectContaining({ status: 'warn', message: expect.stringContaining('carrierName') }),
    ]);
  });

  it('is skipped without hooks', async () => {
    expect((await findings([])).map(({ status }) => status)).toEqual(['skip']);
  });
});

describe('the output for people', { timeout: 60_000 }, () => {
  const env = { ...COMPLETE_ENVIRONMENT, FLUENT_PASSWORD: '' };

  it('has colours on a terminal only, and not with NO_COLOR', async () => {
    const args = ['doctor', '--only', 'configuration'];
    expect((await runCommand(args, { env, isTTY: true })).out).toContain(
      '\u001b[31mFAIL\u001b[39m configuration',
    );
    expect((await runCommand(args, { env })).out).toContain(
      'FAIL configuration: FLUENT_PASSWORD is required',
    );
    expect((await runCommand(args, { env: { ...env, NO_COLOR: '1' }, isTTY: true })).out).not.toContain(
      '\u001b',
    );
  });
});

function find(findings: readonly CheckFinding[], subject: string): CheckFinding {
  const found = findings.find((finding) => finding.subject === subject);
  if (!found) throw new Error(`there is no finding about ${subject}: ${JSON.stringify(findings)}`);
  return found;
}
