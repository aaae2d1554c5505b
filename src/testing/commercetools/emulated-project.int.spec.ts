import { GraphQLError, isObjectType } from 'graphql';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { EmulatorSession } from '../../../test/support/emulator-session.js';
import { type LocalServer, startLocalServer } from '../../../test/support/local-server.js';
import { hasPublishedSchemas, publishedSchema } from '../../../test/support/published-schema.js';
import {
  CommercetoolsEmulator,
  type CommercetoolsEmulatorOptions,
  type CommercetoolsExtension,
} from './commercetools-emulator.js';

let commercetools: CommercetoolsEmulator;
let session: EmulatorSession;

async function start(options?: CommercetoolsEmulatorOptions): Promise<void> {
  await commercetools?.stop();
  commercetools = await new CommercetoolsEmulator(options).start();
  session = EmulatorSession.forCommercetools(commercetools, 'manage_project:demo');
}

const UPDATE = `mutation ($id: String!, $version: Long!, $actions: [OrderUpdateAction!]!) {
  updateOrder(id: $id, version: $version, actions: $actions) { id version }
}`;

/** @returns the code of the first error, or undefined. */
async function update(...actions: object[]): Promise<unknown> {
  const { id, version } = commercetools.orders[0]!;
  const { json } = await session.graphql(UPDATE, { id, version, actions });
  return json.errors?.[0].extensions.code;
}

beforeEach(() => start());
afterEach(() => commercetools.stop());

describe('line items', () => {
  it('show their names, prices and custom fields, and add up to the total', async () => {
    commercetools.addOrder({
      orderNumber: 'O_1',
      lineItems: [
        { id: 'a', key: 'first', sku: 'SKU-1', quantity: 2, price: { currencyCode: 'USD', centAmount: 250 } },
        {
          id: 'b',
          sku: 'SKU-2',
          name: { de: 'Hemd', en: 'Shirt' },
          price: { currencyCode: 'USD', centAmount: 99 },
        },
      ],
    });
    const type = { typeId: 'type', key: 'fluent' };
    const field = { name: 'status', value: '"PICKED"' };
    expect(await update({ setLineItemCustomType: { lineItemId: 'a', type } })).toBeUndefined();
    expect(await update({ setLineItemCustomField: { lineItemKey: 'first', ...field } })).toBeUndefined();
    const { json } = await session.graphql(`{ order(orderNumber: "O_1") {
      totalPrice { centAmount currencyCode }
      lineItems { id quantity variant { sku } totalPrice { centAmount } custom { customFieldsRaw { name value } } }
      shirt: lineItems(id: "b") { name(locale: "de") price { value { centAmount } } }
    } }`);
    expect(json.data.order).toEqual({
      totalPrice: { centAmount: 599, currencyCode: 'USD' },
      lineItems: [
        {
          id: 'a',
          quantity: 2,
          variant: { sku: 'SKU-1' },
          totalPrice: { centAmount: 500 },
          custom: { customFieldsRaw: [{ name: 'status', value: 'PICKED' }] },
        },
        { id: 'b', quantity: 1, variant: { sku: 'SKU-2' }, totalPrice: { centAmount: 99 }, custom: null },
      ],
      shirt: [{ name: 'Hemd', price: { value: { centAmount: 99 } } }],
    });
  });

  it('refuse custom fields for a line item that the order does not have, or that has no type', async () => {
    commercetools.addOrder({ orderNumber: 'O_1', lineItems: [{ id: 'a', sku: 'S' }] });
    const field = { name: 'status', value: '"PICKED"' };
    expect(await update({ setLineItemCustomField: { lineItemId: 'x', ...field } })).toBe('InvalidOperation');
    expect(await update({ setLineItemCustomField: { lineItemId: 'a', ...field } })).toBe('InvalidOperation');
    expect(await update({ setLineItemCustomField: field })).toBe('InvalidInput');
  });
});

describe('types of custom fields', () => {
  beforeEach(() => {
    commercetools.addOrder({ orderNumber: 'O_1' });
    commercetools.addType({
      id: 'type-1',
      key: 'fluent',
      name: { en: 'Fluent', de: 'Fließend' },
      fields: { tracking: 'String', parcels: 'Number', shippedAt: 'DateTime' },
    });
  });

  it('are enforced: other types, unknown fields and values that do not fit are refused', async () => {
    const type = { typeId: 'type', key: 'fluent' };
    const set = (name: string, value: string) => update({ setCustomField: { name, value } });
    expect(await update({ setCustomType: { type: { typeId: 'type', key: 'other' } } })).toBe(
      'ReferencedResourceNotFound',
    );
    expect(await update({ setCustomType: { type, fields: [{ name: 'other', value: '1' }] } })).toBe(
      'InvalidField',
    );
    expect(
      await update({ setCustomType: { type, fields: [{ name: 'parcels', value: '2' }] } }),
    ).toBeUndefined();
    expect(await set('tracking', '7')).toBe('InvalidField');
    expect(await set('shippedAt', '"soon"')).toBe('InvalidField');
    expect(await set('tracking', '"T-1"')).toBeUndefined();
    expect(commercetools.order('O_1')?.custom).toEqual({
      type: 'fluent',
      fields: { parcels: 2, tracking: 'T-1' },
    });
  });

  it('are shown with their fields, on the order and by themselves', async () => {
    await update({ setCustomType: { type: { typeId: 'type', id: 'type-1' } } });
    const { json } = await session.graphql(`{
      order(orderNumber: "O_1") { custom { typeRef { id } type { key } } }
      typeDefinition(key: "fluent") {
        name(locale: "de") fieldDefinitions(includeNames: ["parcels"]) { name type { __typename name } }
      }
      typeDefinitions(where: "key = \\"fluent\\"") { total results { id } }
    }`);
    expect(json.data).toEqual({
      order: { custom: { typeRef: { id: 'type-1' }, type: { key: 'fluent' } } },
      typeDefinition: {
        name: 'Fließend',
        fieldDefinitions: [{ name: 'parcels', type: { __typename: 'NumberType', name: 'Number' } }],
      },
      typeDefinitions: { total: 1, results: [{ id: 'type-1' }] },
    });
  });
});

it('shows the store of an order, and moves an order to another store', async () => {
  commercetools.addStore({ key: 'eu', name: { en: 'Europe' }, countries: ['DE'] });
  commercetools.addStore({ id: 'store-us', key: 'us' });
  commercetools.addOrder({ orderNumber: 'O_1', store: 'eu' });
  const { json } = await session.graphql(
    '{ order(orderNumber: "O_1") { storeRef { key } store { name countries { code } } } stores { total } }',
  );
  expect(json.data).toEqual({
    order: { storeRef: { key: 'eu' }, store: { name: 'Europe', countries: [{ code: 'DE' }] } },
    stores: { total: 2 },
  });
  expect(await update({ setStore: { store: { typeId: 'store', key: 'none' } } })).toBe(
    'ReferencedResourceNotFound',
  );
  expect(await update({ setStore: { store: { typeId: 'store', id: 'store-us' } } })).toBeUndefined();
  expect(commercetools.order('O_1')?.store).toBe('us');
});

describe('predicates', () => {
  beforeEach(() => {
    const custom = (fields: object) => ({ type: 'fluent', fields: { ...fields } });
    commercetools.addOrder({ orderNumber: 'A', store: 'eu', custom: custom({ ref: 'F-1', parcels: 2 }) });
    commercetools.addOrder({ orderNumber: 'B', store: 'us', custom: custom({ ref: 'F-2', gift: true }) });
    commercetools.addOrder({
      orderNumber: 'C',
      paymentState: 'Paid',
      lineItems: [{ sku: 'S-1' }, { sku: 'S-2' }],
    });
  });

  it.each([
    ['custom(fields(ref = "F-1"))', 'A'],
    ['custom(fields(`ref` in ("F-1", "F-2")))', 'A,B'],
    ['custom(fields(parcels >= 2))', 'A'],
    ['custom(fields(gift = true))', 'B'],
    ['custom(fields(ref is defined and parcels is not defined))', 'B'],
    ['custom(fields(ref = "F-1" or ref = "F-2")) and store(key = "us")', 'B'],
    ['not (store(key = "eu")) and custom(type(key = "fluent"))', 'B'],
    ['lineItems(variant(sku = "S-2"))', 'C'],
    ['paymentState = "Paid" or orderNumber <> "B" and store(key != "none")', 'A,C'],
    ['createdAt > "2000-01-01T00:00:00.000Z"', 'A,B,C'],
  ])('find orders by %s', async (where, numbers) => {
    const { json } = await session.graphql(
      'query ($where: String!) { orders(where: $where) { results { orderNumber } } }',
      { where },
    );
    expect(json.errors).toBeUndefined();
    const found = json.data.orders.results as { orderNumber: string }[];
    expect(found.map(({ orderNumber }) => orderNumber).join()).toBe(numbers);
  });

  it.each([
    'color = "red"',
    'custom(ref = "F-1")',
    'orderNumber = A',
    'orderNumber',
    'orderNumber = "A" x',
    '(',
    '%',
  ])('that the emulator does not understand are refused: %s', async (where) => {
    const { json } = await session.graphql('query ($where: String!) { orders(where: $where) { total } }', {
      where,
    });
    expect(json.errors[0].extensions.code).toBe('InvalidInput');
  });
});

describe('messages', () => {
  let receiver: LocalServer;
  beforeEach(async () => {
    receiver = await startLocalServer(() => ({ json: { status: 'accepted' } }));
  });
  afterEach(() => receiver[Symbol.asyncDispose]());

  /** @returns the messages that were sent, by their sequence numbers. */
  async function sent(): Promise<Record<string, unknown>[]> {
    await commercetools.messages.settled();
    return receiver.requests
      .map(({ body }) => JSON.parse(body) as Record<string, unknown>)
      .toSorted((one, other) => Number(one['sequenceNumber']) - Number(other['sequenceNumber']));
  }

  /** Changes an order in every way that has a message. */
  async function changeEverything(): Promise<void> {
    const { id } = commercetools.placeOrder({ orderNumber: 'O_1', lineItems: [{ sku: 'S-1' }], store: 'eu' });
    commercetools.addStore({ key: 'us' });
    commercetools.setStates(id, { orderState: 'Confirmed', paymentState: 'Paid', shipmentState: 'Ready' });
    const type = { typeId: 'type', key: 'fluent' };
    const parcel = { deliveryKey: 'D-1', parcelKey: 'P-1' };
    for (const action of [
      { setStore: { store: { typeId: 'store', key: 'us' } } },
      { setCustomType: { type, fields: [{ name: 'a', value: '1' }] } },
      { setCustomField: { name: 'a', value: '2' } },
      { setCustomField: { name: 'b', value: '"x"' } },
      { setCustomField: { name: 'b' } },
      { setCustomType: {} },
      { addDelivery: { deliveryKey: 'D-1' } },
      { setDeliveryItems: { deliveryKey: 'D-1', items: [{ id: 'line', quantity: 1 }] } },
      { addParcelToDelivery: parcel },
      { setParcelTrackingData: { parcelKey: 'P-1', trackingData: { trackingId: 'T-1' } } },
    ]) {
      expect(await update(action)).toBeUndefined();
    }
  }

  const ALL = [
    'OrderCreated',
    'OrderStateChanged',
    'OrderPaymentStateChanged',
    'OrderShipmentStateChanged',
    'OrderStoreSet',
    'OrderCustomTypeSet',
    'OrderCustomFieldChanged',
    'OrderCustomFieldAdded',
    'OrderCustomFieldRemoved',
    'OrderCustomTypeRemoved',
    'DeliveryAdded',
    'DeliveryItemsUpdated',
    'ParcelAddedToDelivery',
    'ParcelTrackingDataUpdated',
  ];

  it('tell every change of an order once, with rising sequence numbers', async () => {
    await start({ messagesUrl: receiver.url, messages: { types: [], envelope: false } });
    await changeEverything();
    const messages = await sent();
    expect(messages.map(({ type }) => type)).toEqual(ALL);
    expect(messages.map(({ sequenceNumber }) => sequenceNumber)).toEqual(ALL.map((_, index) => index + 1));
    expect(messages[0]).toMatchObject({
      order: { orderNumber: 'O_1', store: { key: 'eu' }, lineItems: [{ variant: { sku: 'S-1' } }] },
    });
    expect(messages.at(-1)).toMatchObject({ trackingData: { trackingId: 'T-1' } });
  });

  it.skipIf(!hasPublishedSchemas)(
    'have the fields that are published for their type',
    async () => {
      await start({ messagesUrl: receiver.url, messages: { types: [], envelope: false, initiators: false } });
      await changeEverything();
      const schema = publishedSchema('commercetools');
      const common = new Set(
        Object.keys(commercetools.message('O_1')).filter((name) => !/[oO]rder/.test(name)),
      );
      for (const message of await sent()) {
        const published = schema.getType(String(message['type']));
        if (!isObjectType(published)) throw new Error(`${String(message['type'])} is not published`);
        const own = Object.keys(message).filter((name) => !common.has(name));
        expect(Object.keys(published.getFields())).toEqual(expect.arrayContaining(own));
      }
    },
    60_000,
  );

  it('are only those that the subscription asks for', async () => {
    await start({ messagesUrl: receiver.url, messages: { envelope: false } });
    const { json } = await session.graphql(`mutation { createSubscription(draft: {
      destination: { GoogleCloudPubSub: { projectId: "p", topic: "t" } }
      messages: [{ resourceTypeId: "order", types: ["DeliveryAdded", "OrderCreated"] }]
    }) { messages { types } } }`);
    expect(json.data.createSubscription.messages).toEqual([{ types: ['DeliveryAdded', 'OrderCreated'] }]);
    await changeEverything();
    expect((await sent()).map(({ type }) => type)).toEqual(['OrderCreated', 'DeliveryAdded']);
  });
});

/** A field of commercetools that the emulator does not have, its update action, and a query of another kind. */
const purchaseOrders = (): CommercetoolsExtension => ({
  sdl: `
    extend type Order { purchaseOrderNumber: String itemCount: Int! }
    extend type Query { customObjectCount: Int! }
    extend input OrderUpdateAction { setPurchaseOrderNumber: SetOrderPurchaseOrderNumber }
    input SetOrderPurchaseOrderNumber { purchaseOrderNumber: String }
  `,
  resolvers: {
    Order: {
      itemCount: ({ id }: { id: string }, _args, { emulator }) => emulator.order(id)?.lineItems.length,
    },
    Query: { customObjectCount: () => 7 },
  },
  updateActions: {
    setPurchaseOrderNumber: (order, { purchaseOrderNumber }: { purchaseOrderNumber?: string }) => {
      if (purchaseOrderNumber === '')
        throw new GraphQLError('empty', { extensions: { code: 'InvalidField' } });
      return { ...order, fields: { ...order.fields, purchaseOrderNumber } };
    },
  },
  seed: (emulator) => {
    emulator.addOrder({
      orderNumber: 'SEED',
      lineItems: [{ sku: 'S' }],
      fields: { purchaseOrderNumber: 'PO-1' },
    });
  },
});

describe('an extension', () => {
  const QUERY = '{ order(orderNumber: "SEED") { purchaseOrderNumber itemCount version } customObjectCount }';

  it('adds data, fields, queries and update actions, under the optimistic lock', async () => {
    await start({ extensions: [purchaseOrders()] });
    expect((await session.graphql(QUERY)).json.data).toEqual({
      order: { purchaseOrderNumber: 'PO-1', itemCount: 1, version: 1 },
      customObjectCount: 7,
    });
    expect(await update({ setPurchaseOrderNumber: { purchaseOrderNumber: 'PO-2' } })).toBeUndefined();
    expect(await update({ setPurchaseOrderNumber: { purchaseOrderNumber: '' } })).toBe('InvalidField');
    expect((await session.graphql(QUERY)).json.data.order).toMatchObject({
      purchaseOrderNumber: 'PO-2',
      version: 4,
    });
  });

  it('leaves emulators without it as they are', async () => {
    await start({ extensions: [purchaseOrders()] });
    await start();
    expect((await session.graphql(QUERY)).status).toBe(400);
  });

  it('replaces the resolver of a field that the emulator has', async () => {
    const resolvers = { Order: { orderNumber: () => 'REPLACED' } };
    await start({ extensions: [purchaseOrders(), { resolvers }] });
    const { json } = await session.graphql('{ order(orderNumber: "SEED") { orderNumber } }');
    expect(json.data.order).toEqual({ orderNumber: 'REPLACED' });
  });

  it.each<[string, CommercetoolsExtension]>([
    ['the SDL of an extension is wrong', { sdl: 'extend type Nothing { a: Int }' }],
    ['the SDL of an extension is wrong', { sdl: 'extend type {' }],
    ['lacks the resolver of Query.answer', { sdl: 'extend type Query { answer: Int }' }],
    ['has a resolver for Order.color', { resolvers: { Order: { color: () => 'red' } } }],
    [
      'lacks the rule of the update action setLocale',
      { sdl: 'extend input OrderUpdateAction { setLocale: SetStore2 } input SetStore2 { a: Int }' },
    ],
    ['has a rule for setLocale', { updateActions: { setLocale: (order) => order } }],
  ])('that does not fit is refused at once: %s', (message, extension) => {
    expect(() => new CommercetoolsEmulator({ extensions: [extension] })).toThrow(message);
  });
});
