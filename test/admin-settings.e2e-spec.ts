import { describe, expect, vi } from 'vitest';
import { ADMIN_TOKEN, AdminClient } from './support/admin-client.js';
import { it } from './support/harness.js';

const PAYMENT = 'fc.connect.commerce-tools.order.payment-status-mapping';
const env = { ADMIN_TOKEN, SETTINGS_CACHE_TTL: '3600' };

interface Settings {
  readonly settings: readonly (Readonly<Record<string, unknown>> & {
    readonly mapping: string;
    readonly problems: readonly string[];
    readonly entries: Readonly<Record<string, string>>;
  })[];
}

describe('GET /admin/settings', () => {
  it('tells from where each mapping is, how old it is, and what is wrong with it', async ({
    startTestConnector,
  }) => {
    const connector = await startTestConnector({ env });
    const payment = (lobValue: unknown): void => {
      connector.fluent.setSetting({
        name: PAYMENT,
        lobValue,
        valueType: 'JSON',
        context: 'RETAILER',
        contextId: Number(connector.fluent.retailerId),
      });
    };
    const admin = new AdminClient(connector.url);
    const before = (await admin.get<Settings>('/settings')).body.settings;
    expect(before.map(({ mapping, context, problems }) => [mapping, context, problems])).toEqual([
      ['order', 'RETAILER 1', []],
      ['payment', 'RETAILER 1', []],
      ['shipping', 'RETAILER 1', []],
    ]);
    expect(Date.parse(String(before[0]?.['readAt']))).toBeGreaterThan(Date.now() - 60_000);

    payment({ fluent: { BOOKED: 'Payed', COMPLETE: 'Paid' } });
    expect((await admin.get<Settings>('/settings')).body.settings[1]?.problems).toEqual([]);
    const { settings } = (await admin.post<Settings>('/settings/refresh')).body;
    expect(settings[1]).toMatchObject({ name: PAYMENT, found: true, entries: { COMPLETE: 'Paid' } });
    expect(settings[1]?.problems).toEqual([expect.stringContaining('maps the status BOOKED to "Payed"')]);

    connector.fluent.removeSetting(PAYMENT);
    const gone = (await admin.post<Settings>('/settings/refresh')).body.settings[1];
    expect(gone).toMatchObject({ found: false });
    expect(gone?.problems[0]).toContain('does not exist');
  });
});

describe('GET /admin/ignored', () => {
  it('counts the webhooks that no handler took, by name', async ({ startTestConnector }) => {
    const connector = await startTestConnector({ env });
    await connector.send({ name: 'fc.conect.order' });
    await connector.send({ name: 'fc.conect.order' });
    await connector.send({ name: 'other.event' });
    const { body } = await new AdminClient(connector.url).get('/ignored');
    expect(body).toEqual({
      ignored: [
        { account: 'ACME', name: 'fc.conect.order', count: 2 },
        { account: 'ACME', name: 'other.event', count: 1 },
      ],
    });
  });

  it('counts those of every replica, whichever of them answers', async ({ harness }) => {
    const ingress = await harness.startInProcess({ ADMIN_TOKEN, CONNECTOR_ROLE: 'ingress' });
    const [orderId] = harness.addOrders(1);
    await harness.fluent.notify(orderId!, { name: 'fc.conect.order' });
    const worker = await harness.startInProcess({ ADMIN_TOKEN, CONNECTOR_ROLE: 'worker' });
    const ignored = [{ account: 'ACME', name: 'fc.conect.order', count: 1 }];
    for (const { managementUrl } of [ingress, worker]) {
      await vi.waitFor(
        async () => expect((await new AdminClient(managementUrl).get('/ignored')).body).toEqual({ ignored }),
        { timeout: 30_000, interval: 100 },
      );
    }
  });
});
