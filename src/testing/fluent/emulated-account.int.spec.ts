import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { EmulatorSession } from '../../../test/support/emulator-session.js';
import { startLocalServer } from '../../../test/support/local-server.js';
import { FluentEmulator, type FluentEmulatorOptions, type FluentExtension } from './fluent-emulator.js';

let fluent: FluentEmulator;
let session: EmulatorSession;

async function start(options?: FluentEmulatorOptions): Promise<void> {
  await fluent?.stop();
  fluent = await new FluentEmulator(options).start();
  session = EmulatorSession.forFluent(fluent);
}

beforeEach(() => start());
afterEach(() => fluent.stop());

const ITEMS = [
  { ref: 'LINE-1', productRef: 'SKU-1', quantity: 3 },
  { ref: 'LINE-2', productRef: 'SKU-2', quantity: 1 },
];

describe('fulfilments', () => {
  /** What a shipment needs to know, in one query. */
  const SHIPMENTS = `query ($id: ID!) { orderById(id: $id) { ref fulfilments(first: 5, status: ["SHIPPED"]) { edges { node {
    ref status type
    items(first: 10) { edges { node { ref requestedQuantity filledQuantity rejectedQuantity orderItem { id ref } } } }
    articles(first: 5) { edges { node { name weight
      consignmentArticles(first: 2) { edges { node { consignment {
        consignmentReference labelUrl carrier { name ref }
      } } } }
    } } }
  } } } } }`;

  it('show their items, articles and consignments below their order', async () => {
    const { id } = fluent.addOrder({ ref: 'O_1', items: ITEMS });
    const fulfilment = fluent.fulfilments.add({
      orderId: id,
      ref: 'FUL-1',
      status: 'SHIPPED',
      items: [{ ref: 'LINE-1', rejectedQuantity: 1 }],
      articles: [{ id: 'a-1', name: 'Box', weight: 1.5 }],
    });
    fluent.fulfilments.add({ orderId: id, status: 'CREATED', items: [{ ref: 'LINE-2' }] });
    fluent.fulfilments.addConsignment({
      articleIds: ['a-1'],
      consignmentReference: 'T-1',
      labelUrl: 'https://example.org/label',
      carrier: { ref: 'DHL', name: 'DHL Express' },
    });
    expect(fulfilment.orderId).toBe(id);
    const { json } = await session.graphql(SHIPMENTS, { id });
    expect(json.errors).toBeUndefined();
    const item = { ref: 'LINE-1', requestedQuantity: 3, filledQuantity: 2, rejectedQuantity: 1 };
    const consignment = {
      consignmentReference: 'T-1',
      labelUrl: 'https://example.org/label',
      carrier: { name: 'DHL Express', ref: 'DHL' },
    };
    expect(json.data.orderById.fulfilments.edges).toEqual([
      {
        node: {
          ref: 'FUL-1',
          status: 'SHIPPED',
          type: 'HD_PFDC',
          items: { edges: [{ node: { ...item, orderItem: { id: `${id}-1`, ref: 'LINE-1' } } }] },
          articles: {
            edges: [
              {
                node: {
                  name: 'Box',
                  weight: 1.5,
                  consignmentArticles: { edges: [{ node: { consignment } }] },
                },
              },
            ],
          },
        },
      },
    ]);
  });

  it('lead from a consignment back to the order', async () => {
    const { id: orderId } = fluent.addOrder({ ref: 'O_1' });
    fluent.fulfilments.add({ orderId, articles: [{ id: 'a-1' }] });
    fluent.fulfilments.addConsignment({ articleIds: ['a-1'], consignmentReference: 'T-1' });
    const { json } = await session.graphql(`{ consignments(consignmentReference: ["T-1"]) { edges { node {
      consignmentArticles { edges { node { article { fulfilments { edges { node { order { ref } } } } } } } }
    } } } }`);
    expect(JSON.stringify(json.data)).toContain('{"order":{"ref":"O_1"}}');
  });

  it('are changed by a mutation, and by the test', async () => {
    const { id: orderId } = fluent.addOrder({ ref: 'O_1', items: ITEMS });
    const { id } = fluent.fulfilments.add({ orderId, items: [{ ref: 'LINE-1', filledQuantity: 0 }] });
    const { id: consignment } = fluent.fulfilments.addConsignment({
      articleIds: [],
      consignmentReference: 'T-1',
    });
    const { json } = await session.graphql(
      `mutation ($input: UpdateFulfilmentInput, $consignment: UpdateConsignmentInput) {
        updateFulfilment(input: $input) { status eta items { edges { node { filledQuantity requestedQuantity } } } }
        updateConsignment(input: $consignment) { consignmentReference status }
      }`,
      {
        input: { id, status: 'SHIPPED', items: [{ id: `${id}-1`, filledQuantity: 3 }] },
        consignment: { id: consignment, consignmentReference: 'T-2' },
      },
    );
    expect(json.data).toEqual({
      updateFulfilment: {
        status: 'SHIPPED',
        eta: null,
        items: { edges: [{ node: { filledQuantity: 3, requestedQuantity: 3 } }] },
      },
      updateConsignment: { consignmentReference: 'T-2', status: 'CREATED' },
    });
    expect(fluent.fulfilments.update(id, { status: 'DELIVERED' }).status).toBe('DELIVERED');
    const missing = await session.graphql(
      'mutation { updateFulfilment(input: { id: "none", status: "SHIPPED" }) { id } }',
    );
    expect(missing.json.errors[0].extensions.code).toBe('C0014E');
  });

  it('refuse an item that the order does not have, and an article that is not there', () => {
    const { id: orderId } = fluent.addOrder({ ref: 'O_1' });
    expect(() => fluent.fulfilments.add({ orderId, items: [{ ref: 'LINE-9' }] })).toThrow('no item LINE-9');
    const consignment = { articleIds: ['a-9'], consignmentReference: 'T-1' };
    expect(() => fluent.fulfilments.addConsignment(consignment)).toThrow('no article a-9');
  });

  it('send webhooks that name the fulfilment, and the order as root entity', async () => {
    await using receiver = await startLocalServer(() => ({ json: { status: 'accepted' } }));
    fluent.webhookUrl = receiver.url;
    const { id: orderId } = fluent.addOrder({ ref: 'O_1' });
    const { id } = fluent.fulfilments.add({ orderId, ref: 'FUL-1', status: 'SHIPPED' });
    await fluent.notifyFulfilment(id, { name: 'fulfilment.shipped' });
    expect(JSON.parse(receiver.requests[0]!.body)).toMatchObject({
      name: 'fulfilment.shipped',
      entityType: 'FULFILMENT',
      entityId: id,
      entityRef: 'FUL-1',
      entityStatus: 'SHIPPED',
      rootEntityType: 'ORDER',
      rootEntityId: orderId,
      rootEntityRef: 'O_1',
    });
  });
});

describe('orders', () => {
  /** Every field that the contract of `createOrder` has. */
  const INPUT = {
    ref: 'O_1',
    type: 'HD',
    attributes: [{ name: 'locale', type: 'STRING', value: 'de' }],
    retailer: { id: '1' },
    totalPrice: 30,
    totalTaxPrice: 5.7,
    payment: { ref: 'PAY-1' },
    fulfilmentChoice: {
      currency: 'EUR',
      deliveryInstruction: 'Ring twice',
      deliveryType: 'STANDARD',
      fulfilmentPrice: 4.2,
      fulfilmentTaxPrice: 0.8,
      fulfilmentType: 'HD_PFS',
      deliveryAddress: { ref: 'ADDR-1', name: 'Ada', street: '1 Main Street', city: 'Berlin', country: 'DE' },
    },
    items: [
      {
        ref: 'LINE-1',
        productRef: 'SKU-1',
        productCatalogueRef: 'DEFAULT:1',
        quantity: 3,
        paidPrice: 9,
        currency: 'EUR',
        price: 10,
        taxPrice: 1.9,
        taxType: 'VAT',
        totalPrice: 30,
        totalTaxPrice: 5.7,
      },
    ],
  };
  const SHOWN = `ref totalPrice customer { ref primaryEmail }
    fulfilmentChoice { deliveryType fulfilmentPrice deliveryAddress { ref city ... on CustomerAddress { street } } }
    items { edges { node { id ref quantity taxPrice taxType totalPrice totalTaxPrice status order { ref } } } }`;
  const CREATE = `mutation ($input: CreateOrderInput) { createOrder(input: $input) { id ${SHOWN} } }`;

  it('keep every input of createOrder', async () => {
    const customer = fluent.customers.add({ username: 'ada' });
    const { json } = await session.graphql(CREATE, { input: { ...INPUT, customer: { id: customer.id } } });
    expect(json.errors).toBeUndefined();
    const { id, ...shown } = json.data.createOrder;
    const { taxPrice, taxType, totalPrice, totalTaxPrice, quantity } = INPUT.items[0]!;
    expect(shown).toEqual({
      ref: 'O_1',
      totalPrice: 30,
      customer: { ref: 'ada', primaryEmail: 'ada@example.com' },
      fulfilmentChoice: {
        deliveryType: 'STANDARD',
        fulfilmentPrice: 4.2,
        deliveryAddress: { ref: 'ADDR-1', city: 'Berlin', street: '1 Main Street' },
      },
      items: {
        edges: [
          {
            node: {
              id: `${id}-1`,
              ref: 'LINE-1',
              status: 'ACTIVE',
              order: { ref: 'O_1' },
              quantity,
              taxPrice,
              taxType,
              totalPrice,
              totalTaxPrice,
            },
          },
        ],
      },
    });
    expect(fluent.order(id)).toMatchObject({
      paymentRef: 'PAY-1',
      customerId: customer.id,
      items: [{ productRef: 'SKU-1', productCatalogueRef: 'DEFAULT:1' }],
    });
    const found = await session.graphql(
      '{ orders(customerLink: { ref: "ada" }, payment: { ref: "PAY-1" }) { edges { node { id } } } }',
    );
    expect(found.json.data.orders.edges).toEqual([{ node: { id } }]);
    const other = await session.graphql('{ orders(payment: { ref: "PAY-2" }) { edges { node { id } } } }');
    expect(other.json.data.orders.edges).toEqual([]);
  });

  it('are refused for a customer that does not exist, once there are customers, and for a ref that is taken', async () => {
    const create = (customerId: string, ref: string) =>
      session.graphql(CREATE, { input: { ...INPUT, ref, customer: { id: customerId } } });
    expect((await create('7', 'O_1')).json.errors).toBeUndefined();
    expect((await create('7', 'O_1')).json.errors[0].extensions.code).toBe('C0121E');
    fluent.customers.add({ username: 'ada' });
    expect((await create('7', 'O_2')).json.errors[0].extensions.code).toBe('C0120E');
  });

  it('are created together with their customer, both or none', async () => {
    const customer = {
      username: 'guest-1',
      firstName: 'Ada',
      primaryEmail: 'ada@example.org',
      timezone: 'UTC',
      promotionOptIn: false,
      retailer: { id: '1' },
    };
    const create = () =>
      session.graphql(
        `mutation ($input: CreateOrderAndCustomerInput) { createOrderAndCustomer(input: $input) { ${SHOWN} } }`,
        { input: { ...INPUT, customer } },
      );
    const { json } = await create();
    expect(json.data.createOrderAndCustomer.customer).toEqual({
      ref: 'guest-1',
      primaryEmail: 'ada@example.org',
    });
    customer.username = 'guest-2';
    expect((await create()).json.errors[0].extensions.code).toBe('C0121E');
    expect(fluent.customers.all.map(({ ref }) => ref)).toEqual(['guest-1']);
  });

  it('keep changes of their items, by id', async () => {
    const { id } = fluent.addOrder({ ref: 'O_1', items: ITEMS });
    await session.graphql('mutation ($input: UpdateOrderInput) { updateOrder(input: $input) { id } }', {
      input: { id, items: [{ id: `${id}-2`, quantity: 0, status: 'CANCELLED' }] },
    });
    expect(fluent.order(id)?.items).toMatchObject([
      { ref: 'LINE-1', quantity: 3 },
      { ref: 'LINE-2', quantity: 0, status: 'CANCELLED' },
    ]);
  });

  it('show their payments, each once', async () => {
    const { id } = fluent.addOrder({ ref: 'O_1' });
    const pay = () =>
      session.graphql(
        `mutation ($input: CreateFinancialTransactionInput) {
          createFinancialTransaction(input: $input) { total paymentProviderName order { ref } }
        }`,
        {
          input: {
            ref: 'T-1',
            type: 'PAYMENT',
            amount: 30,
            currency: 'EUR',
            paymentMethod: 'CARD',
            paymentProvider: 'PSP',
            order: { id },
          },
        },
      );
    expect((await pay()).json.data.createFinancialTransaction).toEqual({
      total: 30,
      paymentProviderName: 'PSP',
      order: { ref: 'O_1' },
    });
    expect((await pay()).json.errors[0].extensions.code).toBe('C0121E');
    const { json } = await session.graphql(
      'query ($id: ID!) { orderById(id: $id) { financialTransactions { edges { node { ref total } } } } }',
      { id },
    );
    expect(json.data.orderById.financialTransactions.edges).toEqual([{ node: { ref: 'T-1', total: 30 } }]);
  });
});

it('finds a customer by id and by user name, and refuses a user name that is taken', async () => {
  const { id } = fluent.customers.add({ username: 'ada', lastName: 'Lovelace' });
  const { json } = await session.graphql(
    `query ($id: ID!) { customerById(id: $id) { lastName } customer(ref: "ada") { id } none: customer(ref: "x") { id } }`,
    { id },
  );
  expect(json.data).toEqual({ customerById: { lastName: 'Lovelace' }, customer: { id }, none: null });
  const taken = await session.graphql(`mutation { createCustomer(input: {
    username: "ada", firstName: "A", primaryEmail: "a@example.org", timezone: "UTC", promotionOptIn: false, retailer: { id: "1" }
  }) { id } }`);
  expect(taken.json.errors[0].extensions.code).toBe('C0121E');
});

/** A field and a query that the emulator does not have. */
const loyalty: FluentExtension = {
  sdl: `
    extend type Order { loyaltyPoints: Int }
    extend type Query { locations(ref: [String]): [Location] }
    type Location { id: ID! ref: String }
  `,
  resolvers: {
    Query: {
      locations: (_source, { ref }: { ref: string[] }) => ref.map((each) => ({ id: '1', ref: each })),
    },
  },
  seed: (emulator) => emulator.addOrder({ ref: 'SEED', fields: { loyaltyPoints: 7 } }),
};

it('answers the types, fields and data of an extension', async () => {
  await start({ extensions: [loyalty] });
  const { json } = await session.graphql(
    '{ order(ref: "SEED") { ref loyaltyPoints } locations(ref: ["STORE-1"]) { ref } }',
  );
  expect(json.data).toEqual({
    order: { ref: 'SEED', loyaltyPoints: 7 },
    locations: [{ ref: 'STORE-1' }],
  });
  expect(() => new FluentEmulator({ extensions: [{ sdl: 'extend type Query { x: Int }' }] })).toThrow(
    'FluentEmulator: an extension lacks the resolver of Query.x',
  );
});
