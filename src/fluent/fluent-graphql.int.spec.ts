import { type TypedDocumentNode, gql } from '@apollo/client';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type FluentConnection, connectToFluent } from '../../test/support/fluent-services.js';
import { startLocalServer } from '../../test/support/local-server.js';
import { ConfigurationError, PermanentError } from '../errors.js';
import { FluentEmulator } from '../testing/index.js';
import { OutageError } from '../transport/index.js';
import {
  ApolloFluentClient,
  CREATE_ORDER,
  CREATE_SETTING,
  type Connection,
  FluentGraphql,
  UPDATE_ORDER,
  UPDATE_SETTING,
} from './index.js';

const ORDERS: TypedDocumentNode<
  { orders: Connection<{ ref: string }> | null },
  { type: string; first: number; after: string | null }
> = gql`
  query OrdersOfType($type: String!, $first: Int, $after: String) {
    orders(type: [$type], first: $first, after: $after) {
      edges {
        cursor
        node {
          ref
        }
      }
      pageInfo {
        hasNextPage
      }
    }
  }
`;
const ORDER: TypedDocumentNode<
  { order: { status: string; totalPrice: number; attributes: object[]; items: Connection<object> } | null },
  { ref: string }
> = gql`
  query OrderWithItems($ref: String) {
    order(ref: $ref) {
      status
      totalPrice
      attributes {
        name
        value
      }
      items {
        edges {
          node {
            ref
            quantity
            price
          }
        }
      }
    }
  }
`;
const NEW_ORDER = {
  ref: 'HD_7',
  type: 'HD',
  retailer: { id: '1' },
  customer: { id: '5' },
  totalPrice: 30,
  items: [{ ref: 'LINE-1', productRef: 'SHIRT', quantity: 2, price: 15 }],
  attributes: [{ name: 'channel', type: 'STRING', value: 'web' }],
};

describe('FluentGraphql', () => {
  let fluent: FluentEmulator;
  let connection: FluentConnection;
  let graphql: FluentGraphql;
  const connect = (url?: string): FluentGraphql => {
    connection = connectToFluent(fluent, { url });
    return new FluentGraphql(new ApolloFluentClient(connection.endpoints), connection.endpoints);
  };

  beforeEach(async () => {
    fluent = await new FluentEmulator().start();
    graphql = connect();
  });
  afterEach(async () => {
    await connection[Symbol.asyncDispose]();
    await fluent.stop();
  });

  it('creates an order, changes it, and reads it', async () => {
    const { createOrder } = await graphql.mutate(CREATE_ORDER, { input: NEW_ORDER });
    expect(createOrder).toMatchObject({ ref: 'HD_7', type: 'HD', status: 'CREATED' });
    const attributes = [{ name: 'parcel', type: 'JSON', value: { id: 'P1' } }];
    await graphql.mutate(UPDATE_ORDER, { input: { id: createOrder!.id, status: 'BOOKED', attributes } });
    const { order } = await graphql.query(ORDER, { ref: 'HD_7' }, { accountId: 'ACME' });
    expect(order).toMatchObject({
      status: 'BOOKED',
      totalPrice: 30,
      attributes: [
        { name: 'channel', value: 'web' },
        { name: 'parcel', value: { id: 'P1' } },
      ],
      items: { edges: [{ node: { ref: 'LINE-1', quantity: 2, price: 15 } }] },
    });
    await expect(graphql.mutate(CREATE_ORDER, { input: NEW_ORDER })).rejects.toThrow(PermanentError);
    await expect(graphql.mutate(UPDATE_ORDER, { input: { id: '0' } })).rejects.toThrow('C0014E');
  });

  it('creates a setting and changes it', async () => {
    const { createSetting } = await graphql.mutate(CREATE_SETTING, {
      input: { name: 'carrier', valueType: 'JSON', lobValue: { dhl: 1 }, context: 'RETAILER', contextId: 1 },
    });
    const { updateSetting } = await graphql.mutate(UPDATE_SETTING, {
      input: {
        id: createSetting!.id,
        valueType: 'JSON',
        lobValue: { dhl: 2 },
        context: 'RETAILER',
        contextId: 1,
      },
    });
    expect(updateSetting).toEqual({ ...createSetting, name: 'carrier', lobValue: { dhl: 2 } });
  });

  it('takes queries for queries, and mutations for mutations', async () => {
    await expect(graphql.query(UPDATE_ORDER, { input: { id: '1' } })).rejects.toThrow(
      'UpdateOrder is a mutation, not a query',
    );
    await expect(graphql.mutate(ORDER, { ref: '1' })).rejects.toThrow(TypeError);
    const pages = graphql.nodes(UPDATE_ORDER, { input: { id: '1' } }, () => null);
    await expect(pages.next()).rejects.toThrow('UpdateOrder is a mutation');
    await expect(graphql.nodes(ORDER, { ref: '1' }, () => null).next()).rejects.toThrow('$after');
    expect(fluent.requests.count('graphql')).toBe(0);
  });

  it('is refused for accounts that are not configured', async () => {
    await expect(graphql.query(ORDER, { ref: '1' }, { accountId: 'OTHER' })).rejects.toThrow(
      ConfigurationError,
    );
  });

  describe('the nodes of a connection', () => {
    const refs = async (options?: Parameters<FluentGraphql['nodes']>[3]) => {
      const found: string[] = [];
      for await (const { ref } of graphql.nodes(ORDERS, { type: 'CC' }, ({ orders }) => orders, options)) {
        found.push(ref);
      }
      return found;
    };

    it('come from all pages, each once', async () => {
      for (let index = 0; index < 7; index++) fluent.addOrder({ ref: `CC_${index}`, type: 'CC' });
      fluent.addOrder({ ref: 'HD_1' });
      await expect(refs({ pageSize: 3 })).resolves.toEqual(
        [0, 1, 2, 3, 4, 5, 6].map((index) => `CC_${index}`),
      );
      expect(fluent.requests.count('orders')).toBe(3);
      await expect(refs({ pageSize: 501 })).rejects.toThrow(RangeError);
    });

    it('are read only as far as they are wanted', async () => {
      for (let index = 0; index < 7; index++) fluent.addOrder({ ref: `CC_${index}`, type: 'CC' });
      for await (const _ of graphql.nodes(ORDERS, { type: 'CC' }, ({ orders }) => orders, { pageSize: 2 }))
        break;
      expect(fluent.requests.count('orders')).toBe(1);
    });

    it('end when the cursor does not move', async () => {
      await using server = await startLocalServer(({ path }) => {
        const edges = [{ cursor: 'same', node: { ref: 'A' } }, null, { cursor: 'same', node: null }];
        return {
          json: path.startsWith('/oauth')
            ? { access_token: 't', expires_in: 60 }
            : { data: { orders: { edges, pageInfo: { hasNextPage: true } } } },
        };
      });
      graphql = connect(server.url);
      await expect(refs()).resolves.toEqual(['A', 'A']);
    });
  });

  it('explains a query that is too complex, and a request that is too large', async () => {
    const wide: TypedDocumentNode<object, Record<string, never>> = gql`
      query Wide {
        orders(first: 500) {
          edges {
            node {
              items(first: 100) {
                edges {
                  node {
                    ref
                  }
                }
              }
            }
          }
        }
      }
    `;
    const tooComplex = graphql.query(wide, {});
    await expect(tooComplex).rejects.toThrow(PermanentError);
    await expect(tooComplex).rejects.toThrow(/limit 11111.*ask for smaller pages/);
    const value = 'x'.repeat(2_100_000);
    const tooLarge = graphql.mutate(UPDATE_ORDER, {
      input: { id: '1', attributes: [{ name: 'a', type: 'STRING', value }] },
    });
    await expect(tooLarge).rejects.toThrow(PermanentError);
    await expect(tooLarge).rejects.toThrow(/HTTP 413.*2 MB/);
  });

  it('classifies other errors like every call to Fluent', async () => {
    fluent.faults.set({ kind: 'graphql-error', code: 'C0011E', times: 1 });
    await expect(graphql.query(ORDER, { ref: '1' })).rejects.toThrow(OutageError);
    fluent.faults.set({ kind: 'graphql-error', code: 'C0121E', times: 1 });
    await expect(graphql.query(ORDER, { ref: '1' })).rejects.toMatchObject({ code: 'C0121E' });
  });
});
