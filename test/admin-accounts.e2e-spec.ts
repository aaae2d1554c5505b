import { describe, expect, vi } from 'vitest';
import { agrees } from './support/agreement.js';
import { ADMIN_TOKEN, AdminClient } from './support/admin-client.js';
import { it } from './support/harness.js';
import { WAIT } from './support/wait.js';

const READ_TOKEN = 'a-token-that-only-reads';
const env = { ADMIN_TOKEN, ADMIN_TOKENS: `grafana:read:${READ_TOKEN}` };
const reason = 'wrong mapping';

interface Account {
  readonly account: string;
  readonly pause?: { readonly by: string; readonly since: string; readonly reason: string };
  readonly lanes: Readonly<Record<'waiting' | 'background' | 'running' | 'delayed', number>>;
  readonly circuits: readonly { readonly target: string; readonly since: string }[];
  readonly oldestUnfinishedAt?: string;
}

async function accountOf(admin: AdminClient): Promise<Account> {
  const { accounts } = (await admin.get<{ accounts: Account[] }>('/accounts')).body;
  expect(accounts.map(({ account }) => account)).toEqual(['ACME']);
  return accounts[0]!;
}

describe('a paused account', () => {
  it('accepts webhooks and delivers none, in every replica and after a restart, until it is resumed', async ({
    harness,
  }) => {
    const { fluent, commercetools } = harness;
    const environment = { ADMIN_TOKEN };
    const [first, second] = [
      await harness.startInProcess(environment),
      await harness.startInProcess(environment),
    ];
    const admin = new AdminClient(first.managementUrl);
    const { body } = await admin.post<Account>('/accounts/ACME/pause', { reason });
    expect(body.pause).toMatchObject({ by: 'admin', reason });

    expect((await fluent.move(harness.addOrder('O_1'), 'BOOKED')).result).toBe('accepted');
    // One that other replicas have accepted, while nobody works.
    await Promise.all([first.stop(), second.stop()]);
    const third = await harness.startInProcess(environment);
    expect((await fluent.move(harness.addOrder('O_2'), 'BOOKED')).result).toBe('accepted');
    const admin3 = new AdminClient(third.managementUrl);
    const paused = await accountOf(admin3);
    expect(paused).toMatchObject({ pause: { by: 'admin', reason }, lanes: { waiting: 2, running: 0 } });
    expect(Date.now() - Date.parse(paused.oldestUnfinishedAt ?? '')).toBeLessThan(60_000);
    expect(await third.metric('account_paused', 'account="ACME"')).toBe(1);
    expect(await third.json('/health')).toMatchObject({
      details: { accounts: { status: 'degraded', advice: expect.stringContaining('resume') } },
    });
    expect(harness.disagreements()).toHaveLength(2);
    expect(commercetools.order('O_1')?.version).toBe(1);

    expect(
      (await admin3.post<Account>('/accounts/ACME/resume', { reason: 'corrected' })).body.pause,
    ).toBeUndefined();
    await harness.expectNothingLost();
    expect(await third.metric('account_paused')).toBe(0);
    expect((await accountOf(admin3)).lanes).toMatchObject({ waiting: 0, running: 0 });
  });

  it('is told by the verdict of its orders', async ({ startTestConnector }) => {
    const connector = await startTestConnector({ env });
    const admin = new AdminClient(connector.url);
    const { fluent } = connector.addOrder({ ref: 'O_1' });
    await admin.post('/accounts/ACME/pause', { reason });
    await connector.fluent.move(fluent.id, 'BOOKED');
    const { body } = await admin.get<{ verdict: string; pause?: object }>('/orders/O_1');
    expect(body.verdict).toContain('admin has paused the account');
    expect(body.verdict).toContain(reason);
    expect(body.pause).toMatchObject({ by: 'admin', reason });
    await admin.post('/accounts/ACME/resume');
    await connector.settled();
    const after = await admin.get<{ verdict: string }>('/orders/O_1');
    expect(after.body.verdict).not.toContain('paused');
  });

  it('holds a reconcile back, which goes on after it is resumed', async ({ startTestConnector }) => {
    const connector = await startTestConnector({ env });
    const admin = new AdminClient(connector.url);
    connector.addOrder({ ref: 'O_1', status: 'BOOKED' });
    await admin.post('/accounts/ACME/pause', { reason });
    const from = new Date(Date.now() - 60_000).toISOString();
    const { id } = (await admin.post<{ id: string }>(`/reconcile?from=${from}`)).body;
    const state = async (): Promise<unknown> => {
      const { body } = await admin.get<{ state: string; problem?: string }>(`/reconcile/${id}`);
      return [body.state, body.problem];
    };
    await vi.waitFor(async () => expect(await state()).toEqual(['paused', 'account ACME is paused']), WAIT);
    await admin.post('/accounts/ACME/resume');
    await vi.waitFor(async () => expect(await state()).toEqual(['finished', undefined]), WAIT);
    await connector.settled();
    expect(agrees(connector.commercetools.order('O_1'), 'BOOKED')).toBe(true);
  });

  it('keeps its first reason, needs one, and is changed only with the scope write', async ({
    startTestConnector,
  }) => {
    const { url } = await startTestConnector({ env });
    const admin = new AdminClient(url);
    for (const body of [{}, { reason: '' }, { reason, more: 1 }, undefined]) {
      expect((await admin.post('/accounts/ACME/pause', body)).status).toBe(400);
    }
    expect((await admin.post('/accounts/OTHER/pause', { reason })).status).toBe(404);
    expect((await admin.post('/accounts/OTHER/resume')).status).toBe(404);
    expect((await new AdminClient(url, READ_TOKEN).post('/accounts/ACME/pause', { reason })).status).toBe(
      403,
    );
    expect((await accountOf(admin)).pause).toBeUndefined();
    await admin.post('/accounts/ACME/pause', { reason });
    const again = await admin.post<Account>('/accounts/ACME/pause', { reason: 'another one' });
    expect(again.body.pause).toMatchObject({ reason });
    expect((await new AdminClient(url, READ_TOKEN).post('/accounts/ACME/resume')).status).toBe(403);
    expect((await accountOf(admin)).pause).toBeDefined();
  });
});

describe('GET /admin/accounts', () => {
  it('counts what waits, runs and is delayed', async ({ startTestConnector }) => {
    const connector = await startTestConnector({
      env: { ...env, ORDER_NOT_FOUND_MAX_AGE: '3600', RETRY_BASE_DELAY: '600000', RETRY_MAX_DELAY: '600000' },
    });
    const admin = new AdminClient(connector.url);
    expect(await accountOf(admin)).toEqual({
      account: 'ACME',
      lanes: { waiting: 0, background: 0, running: 0, delayed: 0 },
      circuits: [],
    });
    connector.fluent.addOrder({ ref: 'LATE', id: '7' });
    await connector.fluent.move('7', 'BOOKED');
    await vi.waitFor(async () => expect((await accountOf(admin)).lanes.delayed).toBe(1), WAIT);
  });

  it('names the open circuit that holds an account back, and since when', async ({ startTestConnector }) => {
    const connector = await startTestConnector({ env });
    const admin = new AdminClient(connector.url);
    const startedAt = Date.now();
    connector.commercetools.faults.add({ kind: 'error', status: 503 });
    for (let order = 0; order < 12; order++) {
      await connector.fluent.move(connector.addOrder({ ref: `O_${order}` }).fluent.id, 'BOOKED');
    }
    const target = `commercetools:${connector.commercetools.projectKey}`;
    const [circuit] = await vi.waitFor(async () => {
      const { circuits } = await accountOf(admin);
      expect(circuits).toEqual([expect.objectContaining({ target, replicas: 1 })]);
      return circuits;
    }, WAIT);
    expect(Date.parse(circuit?.since ?? '')).toBeGreaterThan(startedAt);
    connector.commercetools.faults.clear();
    await vi.waitFor(async () => expect((await accountOf(admin)).circuits).toEqual([]), WAIT);
  });
});
