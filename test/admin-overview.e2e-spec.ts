import { describe, expect, vi } from 'vitest';
import { RedisConnections } from '../src/redis/index.js';
import { ADMIN_TOKEN, AdminClient } from './support/admin-client.js';
import { it } from './support/harness.js';
import { WAIT } from './support/wait.js';

const PAYMENT = 'fc.connect.commerce-tools.order.payment-status-mapping';

interface Minute {
  readonly from: string;
  readonly accepted: number;
  readonly finished: number;
  readonly retried: number;
  readonly dead: number;
  readonly lagSeconds?: { readonly mean: number; readonly max: number };
}

interface Overview {
  readonly replicas: readonly { readonly role: string; readonly version: string }[];
  readonly minutes: readonly Minute[];
  readonly queue: Readonly<Record<string, unknown>>;
  readonly paused: readonly object[];
  readonly circuits: readonly object[];
  readonly problems: readonly { readonly check: string; readonly advice?: string }[];
}

function sum(minutes: readonly Minute[], field: 'accepted' | 'finished' | 'retried' | 'dead'): number {
  return minutes.reduce((total, minute) => total + minute[field], 0);
}

describe('GET /admin/overview', () => {
  it('adds up what all replicas did, whichever of them answers', async ({ harness }) => {
    const environment = { ADMIN_TOKEN, ORDER_NOT_FOUND_MAX_AGE: '0' };
    const ingress = await harness.startInProcess({ ...environment, CONNECTOR_ROLE: 'ingress' });
    const ids = harness.addOrders(5);
    const lost = harness.fluent.addOrder({ ref: 'LOST' });
    for (const id of [...ids, lost.id]) await harness.fluent.move(id, 'BOOKED');
    const { webhookUrl } = harness.fluent;
    const worker = await harness.startInProcess({ ...environment, CONNECTOR_ROLE: 'worker' });
    harness.fluent.webhookUrl = webhookUrl;
    for (const { managementUrl } of [ingress, worker]) {
      const admin = new AdminClient(managementUrl);
      const { minutes, replicas, queue } = await vi.waitFor(async () => {
        const { body } = await admin.get<Overview>('/overview');
        expect(sum(body.minutes, 'finished')).toBe(5);
        expect(sum(body.minutes, 'dead')).toBe(1);
        expect(body.replicas).toHaveLength(2);
        return body;
      }, WAIT);
      expect(sum(minutes, 'accepted')).toBe(6);
      expect(minutes).toHaveLength(15);
      const [{ lagSeconds } = {}] = minutes.filter(({ finished }) => finished > 0);
      expect(lagSeconds?.mean).toBeGreaterThan(0);
      expect(lagSeconds?.max).toBeGreaterThanOrEqual(lagSeconds?.mean ?? Infinity);
      expect(replicas.map(({ role }) => role).toSorted()).toEqual(['ingress', 'worker']);
      expect(queue).toMatchObject({ waiting: 0, active: 0, dead: 1 });
    }
    await worker.stop();
    const { body } = await new AdminClient(ingress.managementUrl).get<Overview>('/overview');
    expect(body.replicas).toHaveLength(1);
  });

  it('counts everything once when the answers of Redis are lost', async ({ startTestConnector }) => {
    const connector = await startTestConnector({ env: { ADMIN_TOKEN } });
    const { failFast } = connector.app.get(RedisConnections);
    // The first beat has defined the command.
    await vi.waitFor(() => expect(failFast).toHaveProperty('beat'), WAIT);
    const client = failFast as unknown as { beat(...args: unknown[]): Promise<unknown> };
    const send = client.beat.bind(client);
    let [lost, answered] = [0, 0];
    vi.spyOn(client, 'beat').mockImplementation(async (...args: unknown[]) => {
      const answer = await send(...args);
      const hasCounts = args.includes('finished');
      if (hasCounts && lost < 2) {
        lost++;
        throw new Error('the connection was closed before the answer came');
      }
      if (lost > 0) answered++;
      return answer;
    });
    await connector.fluent.move(connector.addOrder({ ref: 'O_1' }).fluent.id, 'BOOKED');
    await vi.waitFor(() => expect([lost, answered >= 2]).toEqual([2, true]), WAIT);
    const { minutes } = (await new AdminClient(connector.url).get<Overview>('/overview')).body;
    expect(sum(minutes, 'finished')).toBe(1);
    expect(sum(minutes, 'accepted')).toBe(1);
  });

  it('shows the paused accounts, the open circuits and the problems of the health', async ({
    startTestConnector,
  }) => {
    const connector = await startTestConnector({ env: { ADMIN_TOKEN } });
    const admin = new AdminClient(connector.url);
    const read = async (): Promise<Overview> => (await admin.get<Overview>('/overview')).body;
    connector.fluent.faults.add({ kind: 'error', status: 503 });
    for (let order = 0; order < 12; order++) {
      await connector.fluent.move(connector.addOrder({ ref: `O_${order}` }).fluent.id, 'BOOKED');
    }
    const target = `fluent:${connector.fluent.accountId}`;
    const { problems } = await vi.waitFor(async () => {
      const overview = await read();
      expect(overview.circuits).toEqual([expect.objectContaining({ target, replicas: 1 })]);
      expect(overview.problems.map(({ check }) => check)).toContain(target);
      return overview;
    }, WAIT);
    expect(problems.map(({ check }) => check)).not.toContain('accounts');
    await admin.post('/accounts/ACME/pause', { reason: 'Fluent is away' });
    const paused = await read();
    expect(paused.paused).toEqual([
      { account: 'ACME', by: 'admin', since: expect.any(String), reason: 'Fluent is away' },
    ]);
    const byCheck = Object.fromEntries(paused.problems.map(({ check, advice }) => [check, advice]));
    expect(byCheck['accounts']).toContain('/resume');
    await admin.post('/accounts/ACME/resume');
    expect((await read()).paused).toEqual([]);
  });
});

describe('POST /admin/settings/refresh', () => {
  it('reaches every replica', async ({ harness }) => {
    const environment = { ADMIN_TOKEN, SETTINGS_CACHE_TTL: '3600' };
    const first = new AdminClient((await harness.startInProcess(environment)).managementUrl);
    const second = new AdminClient((await harness.startInProcess(environment)).managementUrl);
    const entries = async (admin: AdminClient): Promise<unknown> => {
      const { settings } = (
        await admin.get<{ settings: { mapping: string; entries: object }[] }>('/settings')
      ).body;
      return settings.find(({ mapping }) => mapping === 'payment')?.entries;
    };
    // A replica reads its settings again when it reports for the first time.
    await vi.waitFor(
      async () => expect((await first.get<Overview>('/overview')).body.replicas).toHaveLength(2),
      WAIT,
    );
    const before = await entries(first);
    expect(await entries(second)).toEqual(before);
    const changed = { COMPLETE: 'Paid' };
    const setting = { name: PAYMENT, valueType: 'JSON', context: 'RETAILER', contextId: 1 } as const;
    harness.fluent.setSetting({ ...setting, lobValue: { fluent: changed } });
    expect(await entries(first)).toEqual(before);
    expect(await entries(second)).toEqual(before);

    await first.post('/settings/refresh');
    expect(await entries(first)).toEqual(changed);
    await vi.waitFor(async () => expect(await entries(second)).toEqual(changed), WAIT);
  });
});
