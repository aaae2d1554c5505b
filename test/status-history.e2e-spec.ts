import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { StatusHistory } from '../src/index.js';
import { createTestConnector, REFERENCE_MAPPINGS, type TestConnector } from '../src/testing/index.js';
import { agreesWithHistory } from './support/agreement.js';
import { shareRedis } from './support/file-redis.js';
import { WAIT } from './support/wait.js';

const PAYMENT_MAPPING = 'fc.connect.commerce-tools.order.payment-status-mapping';

shareRedis();

let connector: TestConnector;
let serial = 0;
const newRef = (): string => `O_${(serial += 1)}`;

beforeAll(async () => {
  connector = await createTestConnector();
});
afterAll(() => connector?.stop());
beforeEach(() => connector.fluent.useReferenceMappings());

async function skipped(result: string, of = connector): Promise<number> {
  const text = await (await fetch(`${of.url}/metrics`)).text();
  const series = `fluent_connector_skipped_statuses_total{result="${result}"} `;
  return Number(
    text
      .split('\n')
      .find((line) => line.startsWith(series))
      ?.slice(series.length) ?? 0,
  );
}

/** Moves an order through statuses; only the last one sends a webhook. */
async function rushed(of: TestConnector, ...statuses: readonly string[]) {
  const order = of.addOrder({ ref: newRef() });
  for (const status of statuses) of.fluent.setStatus(order.fluent.id, status);
  const notification = of.fluent.notification(order.fluent.id);
  await of.fluent.webhooks.send(notification);
  await of.settled();
  return { ...order, notification };
}

describe('a status that was skipped', () => {
  it('leaves no state behind: BOOKED sets the payment of an order that is seen at COMPLETE', async () => {
    const before = await skipped('filled');
    const { commercetools, fluent, notification } = await rushed(
      connector,
      'BOOKED',
      'PICK_PACK',
      'COMPLETE',
    );
    expect(commercetools).toMatchObject({
      orderState: 'Complete',
      paymentState: 'Paid',
      shipmentState: 'Shipped',
    });
    expect(agreesWithHistory(commercetools, fluent)).toBe(true);
    expect(await skipped('filled')).toBe(before + 1);
    expect((await connector.waitForRun({ id: notification.id })).details).toEqual({
      fluentStatus: 'COMPLETE',
      states: {
        orderState: 'Open -> Complete',
        paymentState: 'unset -> Paid',
        shipmentState: 'unset -> Shipped',
      },
      skippedStatuses: 'filled',
      order: commercetools.orderNumber,
      orderVersion: 1,
      reasons: {
        orderState: expect.stringMatching(/^COMPLETE = Complete in .*order-status-mapping \(RETAILER 1\)$/),
        paymentState: expect.stringMatching(/^passed BOOKED = Paid in .*payment-status-mapping/),
        shipmentState: expect.stringMatching(/^COMPLETE = Shipped in .*shipping-status-mapping/),
      },
    });
  });

  it('is found also when the present status is in no mapping', async () => {
    const { commercetools, notification } = await rushed(connector, 'BOOKED', 'ON_HOLD');
    expect(commercetools).toMatchObject({ orderState: 'Confirmed', paymentState: 'Paid' });
    expect((await connector.waitForRun({ id: notification.id })).outcome).toBe('updated');
  });

  it('does not overwrite the state of a payment provider', async () => {
    const order = connector.addOrder({ ref: newRef() });
    connector.commercetools.setStates(order.commercetools.orderNumber, { paymentState: 'CreditOwed' });
    for (const status of ['BOOKED', 'COMPLETE']) connector.fluent.setStatus(order.fluent.id, status);
    await connector.fluent.notify(order.fluent.id);
    await connector.settled();
    expect(order.commercetools).toMatchObject({ orderState: 'Complete', paymentState: 'CreditOwed' });
  });

  it('is found by one more look when the audit log lags', async () => {
    connector.fluent.auditLog = { lagMs: Number.POSITIVE_INFINITY };
    const order = connector.addOrder({ ref: newRef() });
    for (const status of ['BOOKED', 'PICK_PACK']) connector.fluent.setStatus(order.fluent.id, status);
    const reads = connector.fluent.requests.count('findEvents');
    await connector.fluent.notify(order.fluent.id);
    await expect.poll(() => connector.fluent.requests.count('findEvents'), WAIT).toBe(reads + 1);
    connector.fluent.auditLog = {};
    await connector.settled();
    expect(order.commercetools.paymentState).toBe('Paid');
  });

  it('is in doubt when the audit log does not catch up, and the outcome and the metric say so once', async () => {
    const before = await skipped('unknown');
    connector.fluent.auditLog = { lagMs: Number.POSITIVE_INFINITY };
    const { notification } = await rushed(connector, 'BOOKED', 'PICK_PACK');
    connector.fluent.auditLog = {};
    const { details } = await connector.waitForRun({ id: notification.id });
    expect(details).toMatchObject({
      skippedStatuses: 'unknown',
      doubt: expect.stringMatching(
        /paymentState has no entry for PICK_PACK, only for RECEIVED, .*; and .* does not show the present status yet$/,
      ) as string,
    });
    expect(await skipped('unknown')).toBe(before + 1);
  });

  it('of which no mapping knows the present one names the settings that were looked at', async () => {
    const order = connector.addOrder({ ref: newRef(), status: 'CREATED' });
    connector.fluent.setStatus(order.fluent.id, 'ON_HOLD');
    const notification = connector.fluent.notification(order.fluent.id);
    await connector.fluent.webhooks.send(notification);
    const { outcome, details } = await connector.waitForRun({ id: notification.id });
    expect(outcome).toBe('unmapped');
    expect(details?.['mappings']).toEqual(
      Object.keys(REFERENCE_MAPPINGS).map((name) => `${name} (RETAILER 1)`),
    );
  });

  it.each<[string, (of: TestConnector) => unknown]>([
    ['is refused (403)', ({ fluent }) => fluent.faults.set({ kind: 'forbidden', operation: 'findEvents' })],
    [
      'is refused (401)',
      ({ fluent }) => fluent.faults.set({ kind: 'forbidden', status: 401, operation: 'findEvents' }),
    ],
    ['is down', ({ fluent }) => fluent.faults.set({ kind: 'rate-limit', operation: 'findEvents' })],
    ['breaks connections', ({ fluent }) => fluent.faults.set({ kind: 'reset', operation: 'findEvents' })],
  ])('fails nothing and holds nothing back when the Event API %s', async (_, breakIt) => {
    await using own = await createTestConnector();
    breakIt(own);
    const orders = await Promise.all(
      Array.from({ length: 20 }, () => rushed(own, 'BOOKED', 'PICK_PACK', 'COMPLETE')),
    );
    for (const { commercetools } of orders) {
      expect(commercetools).toMatchObject({ orderState: 'Complete', shipmentState: 'Shipped' });
    }
    expect(own.runs.map(({ outcome }) => outcome)).toEqual(orders.map(() => 'updated'));
    expect(await skipped('unknown', own)).toBeGreaterThanOrEqual(orders.length);
    const text = await (await fetch(`${own.url}/metrics`)).text();
    expect(text).toContain('fluent_connector_circuit_open{target="fluent:ACME"} 0');
    expect(await (await fetch(`${own.url}/health`)).json()).toMatchObject({
      details: {
        'fluent:ACME': { status: 'up' },
        mappings: {
          status: 'degraded',
          incomplete: [
            {
              accountId: 'ACME',
              retailerId: '1',
              lacking: { paymentState: expect.arrayContaining(['PICK_PACK', 'COMPLETE']) as string[] },
              unavailability: 'the status history cannot be read; the log says why',
            },
          ],
        },
      },
    });
  });

  it('stays skipped with STATUS_HISTORY=off, and the metric and /health say so', async () => {
    await using off = await createTestConnector({ env: { STATUS_HISTORY: 'off' } });
    const { commercetools } = await rushed(off, 'BOOKED', 'PICK_PACK', 'COMPLETE');
    expect(commercetools).toMatchObject({ orderState: 'Complete', paymentState: null });
    expect(off.fluent.requests.count('findEvents')).toBe(0);
    expect(await skipped('unknown', off)).toBe(1);
    expect(await (await fetch(`${off.url}/health`)).json()).toMatchObject({
      details: { mappings: { status: 'degraded', incomplete: [{ unavailability: 'STATUS_HISTORY=off' }] } },
    });
  });

  it("comes from a partner's history when that class is overridden", async () => {
    class EventStore extends StatusHistory {
      override passed = async () => ['BOOKED', 'COMPLETE'].map((status) => ({ status, at: new Date() }));
    }
    await using own = await createTestConnector({
      overrides: [{ provide: StatusHistory, useClass: EventStore }],
    });
    const { commercetools } = await rushed(own, 'COMPLETE');
    expect(commercetools.paymentState).toBe('Paid');
    expect(own.fluent.requests.count('findEvents')).toBe(0);
  });
});

describe('what the status history costs', () => {
  const WALK = ['RECEIVED', 'BOOKED', 'PICK_PACK', 'AWAITING_COURIER_COLLECTION', 'COMPLETE'];

  async function callsPerNotification(of: TestConnector): Promise<number> {
    const order = of.addOrder({ ref: newRef(), status: 'CREATED' });
    const before = of.fluent.requests.count('findEvents');
    for (const status of WALK) {
      await of.fluent.move(order.fluent.id, status);
      await of.settled();
    }
    expect(agreesWithHistory(order.commercetools, order.fluent)).toBe(true);
    return (of.fluent.requests.count('findEvents') - before) / WALK.length;
  }

  it('is at most 0.6 calls for each notification of a walk with the reference mappings', async () => {
    expect(await callsPerNotification(connector)).toBeLessThanOrEqual(0.6);
  });

  it('is nothing with complete mappings', async () => {
    connector.fluent.setSetting({
      name: PAYMENT_MAPPING,
      lobValue: { fluent: { ...REFERENCE_MAPPINGS[PAYMENT_MAPPING].fluent, ...allPaid(WALK.slice(2)) } },
    });
    expect(await callsPerNotification(connector)).toBe(0);
  });
});

function allPaid(statuses: readonly string[]): Record<string, string> {
  return Object.fromEntries(statuses.map((status) => [status, 'paid']));
}
