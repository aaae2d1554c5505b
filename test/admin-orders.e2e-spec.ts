import { Injectable } from '@nestjs/common';
import { describe, expect } from 'vitest';
import {
  OrderStatusHook,
  type HookedOrder,
  type OrderStatusHookContract,
  type OrderUpdateAction,
} from '../src/index.js';
import type { TestConnector } from '../src/testing/index.js';
import { ADMIN_TOKEN, AdminClient } from './support/admin-client.js';
import { it } from './support/harness.js';

const env = { ADMIN_TOKEN };

interface Order {
  readonly verdict: string;
  readonly now: {
    readonly fluent?: { readonly status: string };
    readonly commercetools?: Readonly<Record<string, unknown>>;
    readonly hooks: readonly Readonly<Record<string, unknown>>[];
    readonly difference: readonly Readonly<Record<string, unknown>>[];
    readonly reasons?: Readonly<Record<string, string>>;
    readonly mappings: readonly Readonly<Record<string, unknown>>[];
    readonly statusHistory?: readonly { readonly status: string }[];
    readonly problem?: { readonly message: string; readonly cause: string };
  };
}

function adminOf({ url }: TestConnector): AdminClient {
  return new AdminClient(url);
}

/** An order whose webhook never came. */
function unannounced(connector: TestConnector, status: string): void {
  connector.addOrder({ ref: 'O_1', status });
}

describe('GET /admin/orders/{ref}', () => {
  it('tells what both systems say, what differs, and which setting decides', async ({
    startTestConnector,
  }) => {
    const connector = await startTestConnector({ env });
    unannounced(connector, 'BOOKED');
    const { status, body } = await adminOf(connector).get<Order>('/orders/O_1');
    expect(status).toBe(200);
    expect(body.now.fluent).toMatchObject({ status: 'BOOKED' });
    expect(body.now.commercetools).toMatchObject({ orderNumber: 'O_1', version: 1, orderState: 'Open' });
    expect(body.now.difference).toEqual([
      { state: 'orderState', is: 'Open', shouldBe: 'Confirmed' },
      { state: 'paymentState', shouldBe: 'Paid' },
      { state: 'shipmentState', shouldBe: 'Pending' },
    ]);
    expect(body.now.mappings).toContainEqual({
      state: 'orderState',
      setting: 'fc.connect.commercetools.order.order-status-mapping',
      context: 'RETAILER 1',
      status: 'BOOKED',
      value: 'Confirmed',
    });
    expect(body.now.reasons?.['orderState']).toBe(
      'BOOKED = Confirmed in fc.connect.commercetools.order.order-status-mapping (RETAILER 1)',
    );
    expect(body.now.statusHistory?.at(-1)).toMatchObject({ status: 'BOOKED' });
    expect(body.verdict).toMatch(/^commercetools differs from Fluent's status BOOKED: orderState is Open/);
  });

  it('finds an order with a ref of 512 characters, each of them encoded', async ({ startTestConnector }) => {
    const connector = await startTestConnector({ env });
    const ref = 'ö€'.repeat(256);
    connector.addOrder({ ref, status: 'BOOKED' });
    const { status, body } = await adminOf(connector).get<Order>(`/orders/${encodeURIComponent(ref)}`);
    expect(status).toBe(200);
    expect(body.now.fluent).toMatchObject({ status: 'BOOKED' });
  });

  it('says that both agree', async ({ startTestConnector }) => {
    const connector = await startTestConnector({ env });
    const { fluent } = connector.addOrder({ ref: 'O_1' });
    await connector.fluent.move(fluent.id, 'BOOKED');
    await connector.settled();
    const { body } = await adminOf(connector).get<Order>('/orders/O_1');
    expect(body.now.difference).toEqual([]);
    expect(body.verdict).toBe("Both agree: commercetools shows what Fluent's status BOOKED stands for.");
  });

  it('names each hook with its update actions, and the hook that reads a field which its fragment lacks', async ({
    startTestConnector,
  }) => {
    @OrderStatusHook({ commercetoolsFields: 'fragment Custom on Order { custom { typeRef { id } } }' })
    @Injectable()
    class GiftHook implements OrderStatusHookContract<unknown, { readonly customType?: unknown }> {
      actions({ fluentOrder, commercetoolsOrder }: HookedOrder<unknown, { readonly customType?: unknown }>) {
        if (fluentOrder.status !== 'BOOKED') return [];
        const action: OrderUpdateAction = { setCustomField: { name: 'gift', value: 'true' } };
        return commercetoolsOrder.fields.customType ? [action] : [];
      }
    }
    @OrderStatusHook()
    @Injectable()
    class NumberHook implements OrderStatusHookContract {
      actions({ commercetoolsOrder }: HookedOrder): OrderUpdateAction[] {
        if (commercetoolsOrder.version > 1) return [];
        return [{ setCustomType: { type: { typeId: 'type', key: 'numbers' } } }];
      }
    }
    const connector = await startTestConnector({ env, providers: [GiftHook, NumberHook] });
    const { fluent } = connector.addOrder({ ref: 'O_1', status: 'NONE' });
    const ask = async (): Promise<Order> => (await adminOf(connector).get<Order>('/orders/O_1')).body;
    const pending = await ask();
    expect(pending.now.hooks).toEqual([
      { hook: 'GiftHook', actions: [] },
      { hook: 'NumberHook', actions: ['setCustomType'] },
    ]);
    expect(pending.verdict).toContain('NumberHook adds setCustomType. Sync the order to correct it.');
    connector.fluent.setStatus(fluent.id, 'BOOKED');
    expect((await ask()).verdict).toMatch(
      /^Order O_1 cannot be compared: hook GiftHook reads commercetoolsOrder\.fields\.customType, but its commercetoolsFields/,
    );
  });

  it('does not advise a sync while commercetools refuses the actions of a hook, and names the hook', async ({
    startTestConnector,
  }) => {
    @OrderStatusHook()
    @Injectable()
    class GiftHook implements OrderStatusHookContract {
      actions(): OrderUpdateAction[] {
        return [{ setCustomType: { type: { typeId: 'type', key: 'gifts' } } }];
      }
    }
    const connector = await startTestConnector({ env, providers: [GiftHook] });
    connector.commercetools.addType({ key: 'others', fields: { other: 'String' } });
    const { fluent } = connector.addOrder({ ref: 'O_1' });
    await connector.fluent.move(fluent.id, 'BOOKED');
    await connector.waitForRun({ outcome: 'retried' });
    const { body } = await adminOf(connector).get<Order>('/orders/O_1');
    expect(body.verdict).toContain('hook GiftHook: commercetools refuses its update actions');
    expect(body.verdict).not.toContain('Sync the order');
  });

  it('shows the other side when one has no order, or does not answer', async ({ startTestConnector }) => {
    const connector = await startTestConnector({ env });
    const admin = adminOf(connector);
    connector.fluent.addOrder({ ref: 'O_1' });
    connector.commercetools.addOrder({ orderNumber: 'O_2' });
    const inFluent = await admin.get<Order>('/orders/O_1');
    expect(inFluent.body.now.fluent).toMatchObject({ status: 'RECEIVED' });
    expect(inFluent.body.verdict).toContain('commercetools project');
    const inCommercetools = await admin.get<Order>('/orders/O_2');
    expect(inCommercetools.body.now.commercetools).toMatchObject({ orderNumber: 'O_2' });
    expect(inCommercetools.body.verdict).toMatch(/^Fluent has no order with the ref O_2 /);
    connector.fluent.faults.set({ kind: 'reset' });
    const down = await admin.get<Order>('/orders/O_2');
    expect(down.status).toBe(200);
    expect(down.body.now.commercetools).toMatchObject({ orderNumber: 'O_2' });
    expect(down.body.verdict).toMatch(/^Order O_2 cannot be compared: Fluent account/);
  });

  it('names the setting, the status and the value of a mapping that cannot be used', async ({
    startTestConnector,
  }) => {
    const connector = await startTestConnector({ env });
    unannounced(connector, 'BOOKED');
    connector.fluent.setSetting({
      name: 'fc.connect.commerce-tools.order.payment-status-mapping',
      lobValue: { fluent: { BOOKED: 'Payed' } },
      valueType: 'JSON',
      context: 'RETAILER',
      contextId: Number(connector.fluent.retailerId),
    });
    const { body } = await adminOf(connector).get<Order>('/orders/O_1');
    expect(body.now.problem).toMatchObject({ cause: 'configuration' });
    expect(body.verdict).toContain('maps the status BOOKED to "Payed"');
    expect(body.now.commercetools).toMatchObject({ orderState: 'Open' });
  });

  it('refuses what it does not know, instead of leaving it out', async ({ startTestConnector }) => {
    const connector = await startTestConnector({ env });
    const admin = adminOf(connector);
    const mistyped = await admin.get('/orders/O_1?acount=ACME');
    expect(mistyped.status).toBe(400);
    expect(mistyped.body['detail']).toBe('querystring must NOT have additional properties: acount');
    expect((await admin.get('/orders/O_1?account=OTHER')).status).toBe(404);
    expect((await admin.get('/orders/O_1?retailer=77')).status).toBe(404);
  });
});

describe('POST /admin/orders/{ref}/sync', () => {
  it('sends nothing in a dry run, and exactly what that showed without', async ({ startTestConnector }) => {
    const connector = await startTestConnector({ env });
    unannounced(connector, 'BOOKED');
    const admin = adminOf(connector);
    const preview = await admin.post('/orders/O_1/sync?dryRun=true');
    expect(preview.body).toMatchObject({ outcome: 'updated', dryRun: true });
    const order = connector.commercetools.order('O_1');
    expect(order).toMatchObject({ version: 1, orderState: 'Open' });

    const done = await admin.post('/orders/O_1/sync');
    expect(done.body).toEqual({ ...preview.body, dryRun: false });
    expect(connector.commercetools.order('O_1')).toMatchObject({
      orderState: 'Confirmed',
      paymentState: 'Paid',
      shipmentState: 'Pending',
    });
    const again = await admin.post('/orders/O_1/sync');
    expect(again.body).toMatchObject({ outcome: 'unchanged', difference: [] });
  });

  it('says why an order cannot be synced', async ({ startTestConnector }) => {
    const connector = await startTestConnector({ env });
    const admin = adminOf(connector);
    expect((await admin.post('/orders/O_1/sync')).status).toBe(404);
    connector.fluent.addOrder({ ref: 'O_1' });
    const { status, body } = await admin.post('/orders/O_1/sync');
    expect(status).toBe(503);
    expect(body['detail']).toContain('has no order for the Fluent ref O_1');
  });
});
