import { describe, expect, it, vi } from 'vitest';
import type * as Connector from '../src/index.js';
import type * as Testing from '../src/testing/index.js';
import { shareRedis } from './support/file-redis.js';
import { pageCode } from './support/page-code.js';

/** As the examples import it: the build, under the name of the package. */
const PACKAGE: string = 'fluent-commercetools-connector';
const { MessageRouter } = (await import(PACKAGE)) as typeof Connector;
const { createTestConnector } = (await import(`${PACKAGE}/testing`)) as typeof Testing;

shareRedis();

describe('the code in docs/fluent-api.md', () => {
  const { load, notLoaded } = pageCode('docs/fluent-api.md');

  it('cancels an order in Fluent when its payment is refused', async () => {
    const { PaymentRefusedHandler } = await load('payment-refused-handler.ts');
    await using connector = await createTestConnector({ handlers: [PaymentRefusedHandler] });
    const { fluent } = connector.addOrder({ ref: 'O_1' });
    await connector.fluent.notify(fluent.id, { name: 'payment.refused' });
    await connector.settled();
    expect(connector.fluent.events).toMatchObject([{ name: 'OrderCancel', body: { entityRef: 'O_1' } }]);
  });

  it('finds the events that a workflow could not process', async () => {
    const { FailedEvents } = await load('failed-events.ts');
    const { PaymentRefusedHandler } = await load('payment-refused-handler.ts');
    await using connector = await createTestConnector({
      handlers: [PaymentRefusedHandler],
      providers: [FailedEvents],
    });
    connector.fluent.onEvent('OrderCancel', 'FAILED');
    const { fluent } = connector.addOrder({ ref: 'O_1' });
    const other = connector.addOrder({ ref: 'O_2' }).fluent;
    for (const { id } of [fluent, other]) await connector.fluent.notify(id, { name: 'payment.refused' });
    await connector.settled();
    const of = (order: string) =>
      connector.app
        .get(FailedEvents, { strict: false })
        .ofOrder(connector.fluent.notification(order)) as Promise<Connector.FluentEventRecord[]>;
    await vi.waitFor(async () => expect(await of(fluent.id)).toHaveLength(1), 20_000);
    expect(await of(fluent.id)).toMatchObject([{ name: 'OrderCancel', context: { entityRef: 'O_1' } }]);
  });

  it('writes an attribute of an order once, and refuses what is not a number', async () => {
    const { ParcelCountHandler } = await load('parcel-count-handler.ts');
    await using connector = await createTestConnector({ handlers: [ParcelCountHandler] });
    const { fluent } = connector.addOrder({ ref: 'O_1' });
    const announce = async (parcels: unknown) => {
      const entity = { entityId: fluent.id, entityRef: 'O_1' };
      const { id } = await connector.send({ name: 'parcels.announced', ...entity, attributes: { parcels } });
      return (await connector.waitForRun({ id })).outcome;
    };
    expect(await announce(2)).toBe('updated');
    expect(await announce(2)).toBe('unchanged');
    expect(await announce('two')).toBe('dead');
    expect(fluent.attributes).toContainEqual({ name: 'parcels', type: 'INTEGER', value: 2 });
    expect(connector.fluent.requests.count('updateOrder')).toBe(1);
  });

  it('reads every booked order, page by page', async () => {
    const { BookedOrders } = await load('booked-orders.ts');
    await using connector = await createTestConnector({ providers: [BookedOrders] });
    const refs = Array.from({ length: 250 }, (_, index) => `O_${index}`);
    for (const ref of refs) connector.fluent.addOrder({ ref, status: 'BOOKED' });
    connector.fluent.addOrder({ ref: 'O_new' });
    const orders = connector.app.get(BookedOrders, { strict: false }).all('ACME') as AsyncIterable<{
      ref: string;
    }>;
    const found: string[] = [];
    for await (const { ref } of orders) found.push(ref);
    expect(found.toSorted()).toEqual(refs.toSorted());
    expect(connector.fluent.requests.count('orders')).toBe(2);
  });

  it('loads stock, and sends nothing when the day is loaded', async () => {
    const { StockFeed } = await load('stock-feed.ts');
    await using connector = await createTestConnector({ providers: [StockFeed] });
    const feed = connector.app.get(StockFeed, { strict: false });
    async function* stock() {
      yield { locationRef: 'STORE_1', skuRef: 'A', qty: 3 };
    }
    for (let time = 0; time < 2; time += 1) {
      expect(await feed.load('2026-03-01', stock())).toMatchObject({ entitiesDone: 1, entitiesFailed: 0 });
    }
    expect(connector.fluent.inventory.get('STORE_1:A')).toMatchObject({ qty: 3 });
    expect(connector.fluent.requests.count('sendBatch')).toBe(1);
  });

  it('runs every block of the page, here or as a test of the page itself', () => {
    expect(notLoaded()).toEqual(['payment-refused.test.ts', 'stock-feed.test.ts']);
  });
});

const RETURN = { type: 'ReturnInfoAdded' };

describe('the code in docs/commercetools-messages.md', () => {
  const { load, notLoaded } = pageCode('docs/commercetools-messages.md');

  it('handles a message of commercetools', async () => {
    const { ReturnHandler } = await load('return-handler.ts');
    await using connector = await createTestConnector({
      handlers: [ReturnHandler],
      commercetools: { messages: {} },
      env: { FLUENT_RETAILER_IDS: '1' },
    });
    const { commercetools } = connector.addOrder({ ref: 'O_1' });
    await connector.commercetools.messages.send(connector.commercetools.message(commercetools.id, RETURN));
    await connector.settled();
    expect(connector.runs.map(({ outcome }) => outcome)).toEqual(['updated']);
  });

  it('gives a message to the retailer of its store', async () => {
    const { StoreMessageRouter } = await load('store-message-router.ts');
    const { ReturnHandler } = await load('return-handler.ts');
    await using connector = await createTestConnector({
      handlers: [ReturnHandler],
      overrides: [{ provide: MessageRouter, useClass: StoreMessageRouter }],
      commercetools: { messages: {} },
      env: { FLUENT_RETAILER_IDS: '1,2' },
    });
    const { commercetools } = connector.addOrder({ ref: 'O_1' });
    await connector.commercetools.messages.send(
      connector.commercetools.message(commercetools.id, { ...RETURN, store: { typeId: 'store', key: 'us' } }),
    );
    await connector.settled();
    expect(connector.runs.map(({ notification }) => notification.retailerId)).toEqual(['2']);
  });

  it('runs every block of the page', () => {
    expect(notLoaded()).toEqual([]);
  });
});
