import { describe, expect, vi } from 'vitest';
import { agrees } from './support/agreement.js';
import { ADMIN_TOKEN, AdminClient } from './support/admin-client.js';
import { SHORT_WAITS, it } from './support/harness.js';
import { WAIT } from './support/wait.js';

const env = { ADMIN_TOKEN };
const MINUTE_MS = 60_000;

interface Backfill {
  readonly id: string;
  readonly state: string;
  readonly problem?: string;
  readonly position: string;
  readonly ordersFound: number;
  readonly submitted: number;
  readonly pagesRead: number;
}

/** The range of the last minutes, as a query. */
function since(minutes: number): string {
  return `from=${new Date(Date.now() - minutes * MINUTE_MS).toISOString()}`;
}

async function untilState(admin: AdminClient, id: string, state: string): Promise<Backfill> {
  return vi.waitFor(async () => {
    const { body } = await admin.get<Backfill>(`/reconcile/${id}`);
    expect(body).toMatchObject({ state });
    return body;
  }, WAIT);
}

describe('POST /admin/reconcile', () => {
  it('syncs each order of the range again, also one that was synced before, and no other', async ({
    startTestConnector,
  }) => {
    const connector = await startTestConnector({ env });
    const { fluent, commercetools } = connector;
    const admin = new AdminClient(connector.url);
    for (const ref of ['O_1', 'O_2']) connector.addOrder({ ref });
    commercetools.addOrder({ orderNumber: 'FOREIGN' });
    fluent.addOrder({ ref: 'FOREIGN', retailerId: '2', status: 'BOOKED' });
    await fluent.move(fluent.orders[0]!.id, 'BOOKED');
    await connector.settled();
    // As after a wrong mapping: nobody but the backfill syncs it again.
    commercetools.setStates('O_1', { orderState: 'Cancelled' });

    const started = await admin.post<Backfill>(`/reconcile?${since(10)}&reason=wrong+mapping`);
    expect(started.status).toBe(202);
    const { id } = started.body;
    expect(started.headers.get('location')).toBe(`/admin/reconcile/${id}`);
    const { requestedBy, to, ...ended } = (await untilState(admin, id, 'finished')) as Backfill & {
      requestedBy: string;
      to: string;
    };
    expect(ended).toMatchObject({ ordersFound: 2, submitted: 2, position: to });
    expect(ended.pagesRead).toBeGreaterThan(0);
    expect(requestedBy).toBe('admin');
    await connector.settled();
    expect(agrees(commercetools.order('O_1'), 'BOOKED')).toBe(true);
    expect(connector.runs.filter(({ notification }) => notification.entityRef === 'FOREIGN')).toEqual([]);
    const { body } = await admin.get<{ backfills: Backfill[] }>('/reconcile');
    expect(body.backfills.map((each) => each.id)).toEqual([id]);

    const nothing = await admin.post<Backfill>(
      '/reconcile?from=2020-01-01T00:00:00Z&to=2020-01-02T00:00:00Z&retailer=1',
    );
    expect(await untilState(admin, nothing.body.id, 'finished')).toMatchObject({ ordersFound: 0 });
  });

  it('does not count what it finds as lost webhooks', async ({ startTestConnector }) => {
    const connector = await startTestConnector({ env });
    connector.addOrder({ ref: 'O_1', status: 'BOOKED' });
    const admin = new AdminClient(connector.url);
    const { id } = (await admin.post<Backfill>(`/reconcile?${since(1)}`)).body;
    await untilState(admin, id, 'finished');
    await connector.settled();
    expect(agrees(connector.commercetools.order('O_1'), 'BOOKED')).toBe(true);
    const metrics = await (await fetch(`${connector.url}/metrics`)).text();
    expect(metrics).toContain('fluent_connector_reconcile_found_total 0');
  });

  it('refuses a range, an option, an account and a retailer that cannot be meant', async ({
    startTestConnector,
  }) => {
    const admin = new AdminClient((await startTestConnector({ env })).url);
    for (const [name, query, status] of [
      ['no from', '', 400],
      ['a from that is no time', 'from=yesterday', 400],
      ['a range that ends before it begins', 'from=2020-01-02T00:00:00Z&to=2020-01-01T00:00:00Z', 400],
      ['a range that begins in the future', 'from=2100-01-01T00:00:00Z', 400],
      ['a range of more than a year', 'from=2020-01-01T00:00:00Z&to=2022-01-01T00:00:00Z', 400],
      ['a mistyped option', 'from=2020-01-01T00:00:00Z&retailr=1', 400],
      ['an account that is not configured', `${since(1)}&account=OTHER`, 404],
      ['a retailer that is not configured', `${since(1)}&retailer=9`, 404],
    ] as const) {
      expect((await admin.post(`/reconcile?${query}`)).status, name).toBe(status);
    }
    expect((await admin.get<{ backfills: unknown[] }>('/reconcile')).body.backfills).toEqual([]);
  });

  it('runs one at a time for a retailer, and is cancelled on request', async ({ startTestConnector }) => {
    const connector = await startTestConnector({ env });
    const admin = new AdminClient(connector.url);
    connector.fluent.faults.add({ kind: 'latency', ms: 200, operation: 'orders' });
    const { id } = (await admin.post<Backfill>(`/reconcile?${since(100)}`)).body;
    await vi.waitFor(async () => {
      const { body } = await admin.get<Backfill>(`/reconcile/${id}`);
      expect(body.pagesRead).toBeGreaterThan(0);
    }, WAIT);

    const second = await admin.post<{ detail: string }>(`/reconcile?${since(1)}&retailer=1`);
    expect(second.status).toBe(409);
    expect(second.body.detail).toContain(id);

    const cancelled = await admin.delete<Backfill>(`/reconcile/${id}?reason=wrong+range`);
    expect(cancelled.body).toMatchObject({ state: 'cancelled' });
    expect((await admin.delete(`/reconcile/${id}`)).status).toBe(409);
    expect((await admin.delete('/reconcile/unknown')).status).toBe(404);
    expect((await admin.get('/reconcile/unknown')).status).toBe(404);

    // Its work ends, too, so that the next one is alone.
    const { id: next } = (await admin.post<Backfill>(`/reconcile?${since(1)}`)).body;
    await untilState(admin, next, 'finished');
    expect((await admin.get<Backfill>(`/reconcile/${id}`)).body).toMatchObject({ state: 'cancelled' });
  });

  it('waits while Fluent is away, says so, and goes on by itself', async ({ startTestConnector }) => {
    const connector = await startTestConnector({ env });
    connector.addOrder({ ref: 'O_1', status: 'BOOKED' });
    const admin = new AdminClient(connector.url);
    const outage = connector.fluent.faults.add({ kind: 'error', operation: 'orders' });
    const { id } = (await admin.post<Backfill>(`/reconcile?${since(1)}`)).body;
    expect((await untilState(admin, id, 'paused')).problem).toContain('HTTP 500');
    outage.off();
    expect(await untilState(admin, id, 'finished')).toMatchObject({ submitted: 1 });
  });

  it('fails with the reason when the user of Fluent may not list orders', async ({ startTestConnector }) => {
    const connector = await startTestConnector({ env });
    const admin = new AdminClient(connector.url);
    connector.fluent.faults.add({ kind: 'forbidden', operation: 'orders' });
    const { id } = (await admin.post<Backfill>(`/reconcile?${since(1)}`)).body;
    expect((await untilState(admin, id, 'failed')).problem).toContain('403');
  });
});

describe('a reconcile whose replica is killed', () => {
  it('is continued by another replica, which submits the rest, each order once', async ({ harness }) => {
    const ORDERS = 250;
    harness.addOrders(ORDERS);
    for (const { id } of harness.fluent.orders) harness.fluent.setStatus(id, 'BOOKED');
    const slow = harness.fluent.faults.add({ kind: 'latency', ms: 700, operation: 'orders' });
    const environment = { ...SHORT_WAITS, ADMIN_TOKEN, HTTP_CLIENT_TIMEOUT: '5000' };
    const first = await harness.startConnector(environment);
    const admin = new AdminClient(first.managementUrl);
    const { id } = (await admin.post<Backfill>(`/reconcile?${since(5)}`)).body;
    await vi.waitFor(async () => {
      const { body } = await admin.get<Backfill>(`/reconcile/${id}`);
      expect(body.submitted).toBeGreaterThan(0);
      expect(body.submitted).toBeLessThan(ORDERS);
    }, WAIT);
    await first.kill();

    slow.off();
    const second = await harness.startInProcess(environment);
    const ended = await untilState(new AdminClient(second.managementUrl), id, 'finished');
    expect(ended).toMatchObject({ ordersFound: ORDERS, submitted: ORDERS });
    await harness.expectAgreementOfAll();
  });

  it('is continued at once when the replica shuts down in order', async ({ harness }) => {
    const slow = harness.fluent.faults.add({ kind: 'latency', ms: 200, operation: 'orders' });
    // Longer than the test waits: only a released lock lets the other replica go on.
    const environment = { ADMIN_TOKEN, QUEUE_LOCK_DURATION: '300000' };
    const first = await harness.startInProcess(environment);
    const admin = new AdminClient(first.managementUrl);
    const { id, position } = (await admin.post<Backfill>(`/reconcile?${since(100)}`)).body;
    await vi.waitFor(async () => {
      expect((await admin.get<Backfill>(`/reconcile/${id}`)).body.position).not.toBe(position);
    }, WAIT);
    await first.stop();
    slow.off();
    const second = await harness.startInProcess(environment);
    await untilState(new AdminClient(second.managementUrl), id, 'finished');
  });
});
