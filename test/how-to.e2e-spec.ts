import { Logger, type Type } from '@nestjs/common';
import { describe, expect, it, vi } from 'vitest';
import type * as Connector from '../src/index.js';
import type * as Testing from '../src/testing/index.js';
import { shareRedis } from './support/file-redis.js';
import { pageCode } from './support/page-code.js';

/** As the examples import it: the build, under the name of the package. */
const PACKAGE: string = 'fluent-commercetools-connector';
const { OrderLookup, OrderUpdate, SettingsSource, SignatureVerifier, StatusHistory, StatusMapper } =
  (await import(PACKAGE)) as typeof Connector;
const { createTestConnector } = (await import(`${PACKAGE}/testing`)) as typeof Testing;

shareRedis();

const PAGE = 'docs/extending/how-to.md';
const { load, notLoaded } = pageCode(PAGE);

/** @returns the states of an order after its statuses. */
async function statesAfter(
  connector: Testing.TestConnector,
  statuses: readonly string[],
  order: object = {},
) {
  const { fluent, commercetools } = connector.addOrder({ ref: 'O_1', ...order });
  for (const status of statuses) {
    await connector.fluent.move(fluent.id, status);
    await connector.settled();
  }
  expect(connector.runs.filter(({ outcome }) => outcome === 'dead')).toEqual([]);
  const { orderState, paymentState, shipmentState } = commercetools;
  return { orderState, paymentState, shipmentState };
}

describe(`the code in ${PAGE}`, () => {
  it('composes an application whose handler and look-up run', async () => {
    const { AppModule } = await load('app.module.ts');
    await load('carrier-handler.ts');
    const { KeyOrderLookup } = await load('key-order-lookup.ts');
    await using connector = await createTestConnector({ module: AppModule });
    expect(connector.app.get(OrderLookup)).toBeInstanceOf(KeyOrderLookup);
    const info = await connector.send({ name: 'carrier.arrived', attributes: { TrackingNumber: 'T-1' } });
    expect((await connector.waitForRun({ id: info.id })).outcome).toBe('updated');
    const invalid = await connector.send({ name: 'carrier.arrived', attributes: {} });
    const { outcome, error } = await connector.waitForRun({ id: invalid.id });
    expect([outcome, error?.message]).toEqual(['dead', expect.stringContaining('TrackingNumber')]);
  });

  it('finds orders by an attribute', async () => {
    const { AppModule } = await load('app.module.ts');
    await using connector = await createTestConnector({ module: AppModule });
    const attributes = [{ name: 'orderNumber', type: 'STRING', value: 'SHOP-7' }];
    const { id } = connector.fluent.addOrder({ ref: 'O_7', attributes });
    const order = connector.commercetools.addOrder({ orderNumber: 'SHOP-7' });
    await connector.fluent.move(id, 'BOOKED');
    await connector.settled();
    expect(order.orderState).toBe('Confirmed');
  });

  it('reads the password from a vault', async () => {
    const { connector: module } = await load('connector.ts');
    await load('vault.ts');
    const { fetch } = globalThis;
    const asked: string[] = [];
    vi.stubGlobal('fetch', async (...call: Parameters<typeof fetch>) => {
      const { url } = new Request(...call);
      if (!url.startsWith('https://vault.example/')) return fetch(...call);
      asked.push(url);
      return new Response('from-the-vault');
    });
    try {
      await using connector = await createTestConnector({
        module,
        fluent: { password: 'from-the-vault' },
        env: { FLUENT_PASSWORD: 'to be replaced' },
      });
      expect(asked).toEqual(['https://vault.example/fluent/password']);
      expect(await statesAfter(connector, ['BOOKED'])).toMatchObject({ orderState: 'Confirmed' });
    } finally {
      vi.unstubAllGlobals();
    }
  });

  it('validates the variables of the partner with those of the connector, and injects them', async () => {
    const { connector: module } = await load('gift-card-handler.ts');
    const { GiftSettings } = await load('gift-settings.ts');
    const env = { GIFT_CARD_URL: 'https://gifts.example' };
    await using connector = await createTestConnector({ module, env });
    expect(connector.app.get(GiftSettings, { strict: false })).toEqual({
      GIFT_CARD_URL: 'https://gifts.example',
      GIFT_CARD_ATTEMPTS: 3,
    });
    const { id } = await connector.send({ name: 'gift.ordered' });
    expect((await connector.waitForRun({ id })).outcome).toBe('updated');
  });

  it('accepts webhooks with the token of the gateway, and no others', async () => {
    vi.stubEnv('GATEWAY_TOKEN', 'token-of-the-gateway');
    const { GatewayVerifier } = await load('gateway-verifier.ts');
    vi.unstubAllEnvs();
    await using connector = await createTestConnector({
      overrides: [{ provide: SignatureVerifier, useClass: GatewayVerifier }],
    });
    const { fluent } = connector.addOrder({ ref: 'O_1' });
    const post = (headers: Record<string, string>) =>
      fetch(connector.webhookUrl, {
        method: 'POST',
        headers: { 'content-type': 'application/json', ...headers },
        body: JSON.stringify(connector.fluent.notification(fluent.id)),
      });
    expect((await post({ 'x-gateway-token': 'token-of-the-gateway' })).status).toBe(200);
    expect((await post({ 'x-gateway-token': 'another' })).status).toBe(401);
    expect((await post({})).status).toBe(401);
  });

  it('logs every accepted notification', async () => {
    const { loggedQueue } = await load('logged-queue.ts');
    const log = vi.spyOn(Logger.prototype, 'log');
    await using connector = await createTestConnector({ overrides: [loggedQueue] });
    await statesAfter(connector, ['BOOKED']);
    expect(log).toHaveBeenCalledWith(expect.stringMatching(/order-status-update O_1: accepted$/));
  });

  it('maps by settings in code', async () => {
    const { CodedSettings } = await load('coded-settings.ts');
    await using connector = await createTestConnector({
      overrides: [{ provide: SettingsSource, useClass: CodedSettings }],
    });
    expect(await statesAfter(connector, ['BOOKED', 'PICK_PACK', 'COMPLETE'])).toEqual({
      orderState: 'Complete',
      paymentState: 'Paid',
      shipmentState: 'Shipped',
    });
  });

  it('lets a state depend on the type of the order', async () => {
    const { CollectionStatusMapper } = await load('collection-status-mapper.ts');
    await using connector = await createTestConnector({
      overrides: [{ provide: StatusMapper, useClass: CollectionStatusMapper }],
    });
    expect(await statesAfter(connector, ['BOOKED', 'COMPLETE'], { type: 'CC' })).toMatchObject({
      orderState: 'Complete',
      shipmentState: 'Delivered',
    });
  });

  it('reads the status history from an attribute', async () => {
    const { AttributeHistory } = await load('attribute-history.ts');
    await using connector = await createTestConnector({
      overrides: [{ provide: StatusHistory, useClass: AttributeHistory }],
    });
    const at = new Date().toISOString();
    const attributes = [{ name: 'statusLog', type: 'JSON', value: [{ status: 'BOOKED', at }] }];
    // The order's own webhook for BOOKED never came, and PICK_PACK has no entry in the payment mapping.
    const { fluent, commercetools } = connector.addOrder({ ref: 'O_1', attributes });
    await connector.fluent.move(fluent.id, 'PICK_PACK');
    await connector.settled();
    expect(commercetools.paymentState).toBe('Paid');
  });

  it('updates an order from a handler, also after another client wrote in between', async () => {
    const { BackorderHandler } = await load('backorder-handler.ts');
    await using connector = await createTestConnector({ handlers: [BackorderHandler] });
    const { fluent, commercetools } = connector.addOrder({ ref: 'O_1' }, { customerEmail: 'jo@example.org' });
    connector.commercetools.faults.set({ kind: 'conflict', times: 1 });
    await connector.fluent.notify(fluent.id, { name: 'order.backordered' });
    await connector.settled();
    expect(commercetools.shipmentState).toBe('Backorder');
    const other = connector.addOrder({ ref: 'O_2' });
    await connector.fluent.notify(other.fluent.id, { name: 'order.backordered' });
    await connector.settled();
    expect(other.commercetools.shipmentState).toBeNull();
    expect(connector.runs.map(({ outcome }) => outcome)).toEqual(['updated', 'unchanged']);
  });

  it('logs every update', async () => {
    const { LoggedOrderUpdate } = await load('logged-order-update.ts');
    await using connector = await createTestConnector({
      overrides: [{ provide: OrderUpdate, useClass: LoggedOrderUpdate }],
    });
    const { logger } = connector.app.get<{ logger: { info: () => void } }>(OrderUpdate);
    const info = vi.spyOn(logger, 'info');
    await statesAfter(connector, ['BOOKED']);
    expect(info).toHaveBeenCalledWith(
      {
        orderId: connector.commercetools.order('O_1')?.id,
        actions: expect.arrayContaining(['changeOrderState']),
      },
      'order updated',
    );
  });

  it('queries Fluent and commercetools', async () => {
    const { OrderQuantities } = await load('order-quantities.ts');
    const { OrderTotals } = await load('order-totals.ts');
    const providers: Type<{ of(scope: string, id: string): Promise<unknown> }>[] = [
      OrderQuantities,
      OrderTotals,
    ];
    await using connector = await createTestConnector({ providers });
    const [quantities, totals] = providers.map((token) => connector.app.get(token, { strict: false }));
    const { fluent, commercetools } = connector.addOrder({ ref: 'O_1' });
    const { accountId } = connector.fluent;
    expect(await quantities?.of(accountId, fluent.id)).toBe(0);
    expect(await totals?.of(connector.commercetools.projectKey, commercetools.id)).toMatch(/^\d+ [A-Z]{3}$/);
  });

  it('replaces the built-in handler', async () => {
    const { AnnouncingHandler } = await load('announcing-handler.ts');
    await using connector = await createTestConnector({ handlers: [AnnouncingHandler] });
    expect(await statesAfter(connector, ['BOOKED'])).toMatchObject({ orderState: 'Open' });
    expect(connector.runs.map(({ outcome }) => outcome)).toEqual(['updated']);
  });

  it('skips sample orders', async () => {
    const { SampleHook } = await load('sample-hook.ts');
    await using connector = await createTestConnector({ providers: [SampleHook] });
    expect(await statesAfter(connector, ['BOOKED'], { type: 'SAMPLE' })).toMatchObject({
      orderState: 'Open',
    });
  });

  it('writes the states before the part of an optional hook when an update with both is refused', async () => {
    const { GiftHook } = await load('gift-hook.ts');
    await using connector = await createTestConnector({ providers: [GiftHook] });
    connector.commercetools.faults.set({
      kind: 'graphql-error',
      code: 'ReferencedResourceNotFound',
      operation: 'updateOrder',
      times: 1,
    });
    const attributes = [{ name: 'gift', type: 'BOOLEAN', value: true }];
    expect(await statesAfter(connector, ['BOOKED'], { attributes })).toMatchObject({
      orderState: 'Confirmed',
    });
    expect(connector.commercetools.order('O_1')?.custom).toMatchObject({ fields: { gift: true } });
    expect(connector.runs.map(({ outcome }) => outcome)).toEqual(['updated']);
  });
});

it('runs every block of the page, here or as a test of the page itself', () => {
  const testsOfThePage = ['queue.test.ts', 'connector.test.ts', 'outage.test.ts', 'shipment.test.ts'];
  const extended = ['purchase-order-hook.ts', 'purchase-order.test.ts'];
  expect(notLoaded()).toEqual(['main.ts', ...testsOfThePage, ...extended]);
});
