import { describe, expect } from 'vitest';
import { signWebhook } from '../src/testing/index.js';
import { ADMIN_TOKEN, AdminClient } from './support/admin-client.js';
import { CHECKS_OF_DOCTOR } from './support/checks-of-doctor.js';
import { runCommand } from './support/command-line.js';
import { it } from './support/harness.js';

interface Doctor {
  readonly ok: boolean;
  readonly findings: readonly {
    readonly check: string;
    readonly subject: string;
    readonly status: string;
    readonly message: string;
    readonly advice?: string;
  }[];
}

const READER = 'a-token-that-may-only-read';
const env = { ADMIN_TOKEN, ADMIN_TOKENS: `reader:read:${READER}` };
const PAYMENT = 'fc.connect.commerce-tools.order.payment-status-mapping';

describe('GET /admin/doctor', () => {
  it('runs every check inside the connector, for a token that may only read, without a secret', async ({
    startTestConnector,
  }) => {
    const connector = await startTestConnector({ env });
    const { status, body } = await new AdminClient(connector.url, READER).get<Doctor>('/doctor');
    expect(status).toBe(200);
    expect(body.ok).toBe(true);
    expect([...new Set(body.findings.map(({ check }) => check))]).toEqual(CHECKS_OF_DOCTOR);
    const { FLUENT_PASSWORD, FLUENT_CLIENT_SECRET } = connector.fluent.environment;
    const { CTP_CLIENT_SECRET } = connector.commercetools.environment;
    const text = JSON.stringify(body);
    for (const secret of [FLUENT_PASSWORD, FLUENT_CLIENT_SECRET, CTP_CLIENT_SECRET, ADMIN_TOKEN, READER]) {
      expect(text).not.toContain(secret);
    }
  });

  it('says what to change when a permission is missing and a mapping is gone', async ({
    startTestConnector,
  }) => {
    const connector = await startTestConnector({ env });
    connector.fluent.faults.set({ kind: 'forbidden', operation: 'orders' });
    connector.fluent.removeSetting(PAYMENT);
    const { body } = await new AdminClient(connector.url).get<Doctor>('/doctor?only=fluent,mappings');
    expect(body.ok).toBe(false);
    expect(body.findings.filter(({ status }) => status === 'fail')).toEqual([
      expect.objectContaining({
        subject: 'Fluent account ACME: orders',
        message: expect.stringContaining('403'),
      }),
      expect.objectContaining({
        subject: 'payment mapping of retailer 1 of account ACME',
        advice: expect.stringContaining('run `setup` to create it'),
      }),
    ]);
  });

  it('refuses a check that does not exist, and runs nothing', async ({ startTestConnector }) => {
    const connector = await startTestConnector({ env });
    const { status, body } = await new AdminClient(connector.url).get('/doctor?only=redis,flunt');
    expect(status).toBe(400);
    expect(body['detail']).toContain('flunt is not a check; the checks are configuration, redis');
  });
});

describe('doctor --url', () => {
  it('prints the findings of the running connector and compares an order, like doctor without --url', async ({
    startTestConnector,
  }) => {
    const connector = await startTestConnector({ env });
    const { fluent, commercetools, url } = connector;
    const orderNumber = 'O_1';
    commercetools.addOrder({ orderNumber, orderState: 'Open' });
    fluent.addOrder({ ref: orderNumber, status: 'COMPLETE' });
    const args = ['doctor', '--only', 'webhook-keys,fluent', '--order', orderNumber, '--url', url];
    const { code, out, error } = await runCommand(args, { env: { ADMIN_TOKEN: READER } });
    expect(error).toBe('');
    expect(out).toContain('pass webhook keys of account ACME: RSA');
    expect(out).toContain('pass Fluent account ACME: events: readable\n');
    expect(out).toMatch(/WARN order O_1: commercetools differs from Fluent's status COMPLETE/);
    expect(out).toContain('5 passed, 1 to look at, 0 failed, 0 skipped');
    expect(code).toBe(0);
    expect((await runCommand([...args, '--strict'], { env: { ADMIN_TOKEN } })).code).toBe(1);
  });

  it('fails when a check of the running connector fails', async ({ startTestConnector }) => {
    const { fluent, url } = await startTestConnector({ env });
    fluent.removeSetting(PAYMENT);
    const args = ['doctor', '--only', 'mappings', '--json', '--url', url];
    const { code, out } = await runCommand(args, { env: { ADMIN_TOKEN } });
    expect(code).toBe(1);
    expect(JSON.parse(out)).toMatchObject({ ok: false });
  });

  it('checks a captured webhook against the keys of the running connector', async ({
    startTestConnector,
  }) => {
    const { fluent, url } = await startTestConnector({ env });
    const body = JSON.stringify({ name: 'order-updated', accountId: fluent.accountId });
    const captured = (sent: string) =>
      JSON.stringify({
        headers: { 'content-type': 'application/json', ...signWebhook(body, fluent.webhookKeys.privateKey) },
        bodyBase64: Buffer.from(sent).toString('base64'),
      });
    const check = async (sent: string) => {
      const stdin = captured(sent);
      const args = ['doctor', '--webhook', '-', '--json', '--url', url];
      const { code, out } = await runCommand(args, { env: { ADMIN_TOKEN: READER }, stdin });
      const { findings } = JSON.parse(out) as Doctor;
      return { code, of: (subject: string) => findings.find((finding) => finding.subject === subject) };
    };
    const right = await check(body);
    expect(right.of('signature')).toMatchObject({ status: 'pass' });
    expect(right.of('notification')).toMatchObject({ status: 'fail' });
    expect(right.code).toBe(1);
    expect((await check(`${body}\n`)).of('signature')?.message).toContain(
      'the signed body is this one without the line break at its end',
    );
  });

  it('needs the token, and says so', async ({ startTestConnector }) => {
    const { url } = await startTestConnector({ env });
    const { code, error } = await runCommand(['doctor', '--url', url], { env: { ADMIN_TOKEN: 'wrong' } });
    expect(code).toBe(1);
    expect(error).toContain('does not know the token');
  });
});
