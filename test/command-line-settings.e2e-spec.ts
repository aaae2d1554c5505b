import { describe, expect } from 'vitest';
import { ConnectorConfig } from '../src/config/index.js';
import { ADMIN_TOKEN } from './support/admin-client.js';
import { runCommand } from './support/command-line.js';
import { it } from './support/harness.js';

const PAYMENT = 'fc.connect.commerce-tools.order.payment-status-mapping';
const env = { ADMIN_TOKEN, SETTINGS_CACHE_TTL: '3600' };

// Commands without --url start the connector's services.
describe('settings', { timeout: 180_000 }, () => {
  it('list shows what the running connector uses, and refresh reads it again from Fluent', async ({
    startTestConnector,
  }) => {
    const { fluent, url } = await startTestConnector({ env });
    const settings = (...args: string[]) =>
      runCommand(['settings', ...args, '--url', url], { env: { ADMIN_TOKEN } });
    const before = await settings('list');
    expect(before.code).toBe(0);
    expect(before.out).toMatch(new RegExp(`ACME +1 +payment +${PAYMENT} +RETAILER 1 +3 .* valid\n`));

    fluent.setSetting({ name: PAYMENT, lobValue: { fluent: { BOOKED: 'Payed' } } });
    expect((await settings('list')).code).toBe(0);
    const refreshed = await settings('refresh', '--reason', 'a new mapping');
    expect(refreshed.out).toMatch(/FAIL payment mapping of retailer 1 of account ACME: .*"Payed"/);
    expect(refreshed.code).toBe(1);
    expect((await settings('list')).code).toBe(1);
    const { settings: lines } = JSON.parse((await settings('list', '--json')).out) as {
      settings: { mapping: string; problems: string[] }[];
    };
    expect(lines.map(({ mapping, problems }) => [mapping, problems.length])).toEqual([
      ['order', 0],
      ['payment', 1],
      ['shipping', 0],
    ]);
  });

  it('list needs no running connector', async ({ startTestConnector }) => {
    const { app, fluent, commercetools } = await startTestConnector({ env });
    const { redis } = app.get(ConnectorConfig).queue;
    const REDIS_URL = redis?.topology === 'single' ? redis.url : '';
    const direct = { ...fluent.environment, ...commercetools.environment, REDIS_URL };
    const { code, out } = await runCommand(['settings', 'list'], { env: direct });
    expect(out).toMatch(/shipping .* valid\n/);
    expect(code).toBe(0);
  });
});

describe('ignored and overview', { timeout: 180_000 }, () => {
  it('show the webhooks that no handler took, the rates, the queue and what is paused', async ({
    startTestConnector,
  }) => {
    const connector = await startTestConnector({ env });
    const command = (...args: string[]) =>
      runCommand([...args, '--url', connector.url], { env: { ADMIN_TOKEN } });
    expect((await command('ignored')).out).toContain('had a handler');
    await connector.send({ name: 'fc.conect.order' });
    expect((await command('ignored')).out).toMatch(/ACME +fc\.conect\.order +1\n/);

    await command('accounts', 'pause', 'ACME', '--reason', 'wrong mapping');
    const { out } = await command('overview');
    expect(out).toMatch(/queue +0 waiting, 0 running, 0 delayed\n/);
    expect(out).toMatch(/WARN ACME paused by admin since .*: wrong mapping\n/);
    const { queue } = JSON.parse((await command('overview', '--json')).out) as { queue: object };
    expect(queue).toMatchObject({ waiting: 0, dead: 0 });
  });
});
