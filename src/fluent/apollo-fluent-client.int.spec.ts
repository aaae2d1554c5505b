import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { graphqlEndpoints } from '../../test/support/graphql-endpoints.js';
import { ACCOUNT, literalConfig, literalScope } from '../../test/support/literal-config.js';
import { type LocalServer, type Reply, startLocalServer } from '../../test/support/local-server.js';
import type { RetailerScope } from '../config/index.js';
import { ConfigurationError } from '../errors.js';
import { OutageError, ServerFaultError, UpstreamHttp } from '../transport/index.js';
import { ApolloFluentClient } from './apollo-fluent-client.js';
import type { UpdatedFluentOrder } from './fluent-client.js';
import { FluentEndpoints } from './fluent-endpoints.js';

interface Sent {
  query: string;
  operationName: string;
  variables: Record<string, unknown>;
}

const ORDER_NODE = {
  id: '12',
  ref: 'O_12',
  type: 'HD',
  status: 'BOOKED',
  updatedOn: '2024-01-01T00:00:00.000Z',
  retailer: { id: '1' },
  attributes: [{ name: 'a', type: 'STRING', value: 'b' }, null],
};

describe('ApolloFluentClient', () => {
  let server: LocalServer;
  let http: UpstreamHttp;
  let client: ApolloFluentClient;
  let scope: RetailerScope;
  let answer: (sent: Sent) => Reply;
  const sent = () =>
    server.requests.filter(({ path }) => path === '/graphql').map(({ body }) => JSON.parse(body) as Sent);
  const data = (value: unknown): Reply => ({ json: { data: value } });

  beforeEach(async () => {
    server = await startLocalServer(({ path, body }) =>
      path === '/oauth/token'
        ? { json: { access_token: 'token', token_type: 'bearer', expires_in: 1800 } }
        : answer(JSON.parse(body) as Sent),
    );
    const account = { ...ACCOUNT, baseUrl: server.url };
    scope = literalScope({ account });
    const config = literalConfig({ accounts: [account] });
    http = new UpstreamHttp(config);
    const endpoints = graphqlEndpoints(http);
    client = new ApolloFluentClient(new FluentEndpoints(config, endpoints));
  });
  afterEach(async () => {
    await http.onApplicationShutdown();
    await server[Symbol.asyncDispose]();
  });

  it('asks for its token by password, as a form, with the account as a header', async () => {
    answer = () => data({ orderById: null });
    await client.getOrder(scope, '12');
    const [token] = server.requests;
    expect(token).toMatchObject({
      path: '/oauth/token',
      headers: { 'fluent.account': 'ACME', 'content-type': 'application/x-www-form-urlencoded' },
    });
    expect(Object.fromEntries(new URLSearchParams(token!.body))).toEqual({
      grant_type: 'password',
      username: 'user',
      password: 'fluent-password',
      client_id: 'ACME',
      client_secret: 'fluent-secret',
      scope: 'api',
    });
  });

  it('reads an order', async () => {
    answer = () => data({ orderById: ORDER_NODE });
    await expect(client.getOrder(scope, '12')).resolves.toStrictEqual({
      id: '12',
      ref: 'O_12',
      type: 'HD',
      status: 'BOOKED',
      updatedOn: '2024-01-01T00:00:00.000Z',
      retailerId: '1',
      attributes: [{ name: 'a', type: 'STRING', value: 'b' }],
    });
    expect(sent()[0]).toMatchObject({ operationName: 'OrderById', variables: { id: '12' } });
  });

  it('reads an order of which nearly everything is null', async () => {
    answer = () =>
      data({
        orderById: {
          id: '1',
          ref: null,
          type: 'HD',
          status: null,
          updatedOn: null,
          retailer: null,
          attributes: null,
        },
      });
    await expect(client.getOrder(scope, '1')).resolves.toStrictEqual({
      id: '1',
      ref: '',
      type: 'HD',
      status: '',
      retailerId: '',
      attributes: [],
    });
  });

  it('takes the data of an answer that also has a warning', async () => {
    answer = () => ({
      json: {
        data: { orderById: ORDER_NODE },
        errors: [{ message: 'deprecated', extensions: { code: 'C0042W' } }],
      },
    });
    await expect(client.getOrder(scope, '12')).resolves.toMatchObject({ status: 'BOOKED' });
  });

  it.each([
    ['an error code', { orderById: ORDER_NODE }, 'C0042E'],
    ['a warning code and no data', { orderById: null }, 'C0042W'],
  ])('refuses an answer with %s', async (_, value, code) => {
    answer = () => ({ json: { data: value, errors: [{ message: 'failed', extensions: { code } }] } });
    await expect(client.getOrder(scope, '12')).rejects.toMatchObject({ code });
  });

  it('has no order where Fluent answers null', async () => {
    answer = () => data({ orderById: null });
    await expect(client.getOrder(scope, '404')).resolves.toBeUndefined();
  });

  it('refuses an account that is not configured', async () => {
    await expect(client.getOrder(literalScope({ account: { ...ACCOUNT, id: 'X' } }), '1')).rejects.toThrow(
      new ConfigurationError('Fluent account X is not configured'),
    );
  });

  it('classifies failures', async () => {
    answer = () => ({ status: 429, headers: { 'retry-after': '9' }, text: 'slow down' });
    const failure = await client.getOrder(scope, '1').catch((error: unknown) => error);
    expect(failure).toBeInstanceOf(OutageError);
    expect(failure).toMatchObject({ retryAfterMs: 9000 });
  });

  describe('ordersUpdatedSince', () => {
    const RANGE = { since: '1970-01-01T00:00:00.000Z', until: '1970-01-01T00:00:01.000Z' };
    const page = (ids: string[], cursors: (string | null)[], hasNextPage: boolean | null) => ({
      orders: {
        edges: ids.map((id, index) => ({ cursor: cursors[index], node: { ...ORDER_NODE, id } })),
        pageInfo: { hasNextPage },
      },
    });
    const read = async (): Promise<string[]> => {
      const orders: UpdatedFluentOrder[] = [];
      for await (const order of client.ordersUpdatedSince('ACME', new Date(0), { until: new Date(1000) }))
        orders.push(order);
      return orders.map(({ id }) => id);
    };

    it('reads page after page, each order once', async () => {
      const pages: Record<string, unknown> = {
        null: page(['1', '2'], ['a', 'b'], true),
        b: page(['2', '3'], ['c', 'd'], true),
        d: page([], [], false),
      };
      answer = ({ variables }) => data(pages[String(variables['after'])]);
      await expect(read()).resolves.toEqual(['1', '2', '3']);
      expect(sent().map(({ variables }) => variables)).toEqual([
        { ...RANGE, first: 100, after: null },
        { ...RANGE, first: 100, after: 'b' },
        { ...RANGE, first: 100, after: 'd' },
      ]);
    });

    it.each([
      ['stands still', ['a', 'b']],
      ['is missing', ['a', null]],
    ])('ends when a cursor %s', async (_name, cursors) => {
      answer = () => data(page(['1', '2'], cursors, true));
      await expect(read()).resolves.toEqual(['1', '2']);
      expect(sent().length).toBeLessThanOrEqual(2);
    });

    it('ends when the cursors go round in a circle', async () => {
      const next: Record<string, string> = { null: 'a', a: 'b', b: 'c', c: 'a' };
      answer = ({ variables }) => {
        const cursor = next[String(variables['after'])] ?? '';
        if (sent().length > 10) throw new Error('asked without end');
        return data(page([cursor], [cursor], true));
      };
      await expect(read()).resolves.toEqual(['a', 'b', 'c']);
      expect(sent()).toHaveLength(4);
    });

    it('requests only the fields that an updated order needs', async () => {
      answer = () => data(page([], [], false));
      await read();
      expect(sent()[0]?.query).not.toMatch(/attributes|createdOn/);
    });

    it('gives what Fluent says of an order, and leaves out what Fluent does not know', async () => {
      const updates: UpdatedFluentOrder[] = [];
      const known = { id: '1', ref: 'O_1', status: 'BOOKED', updatedOn: 'now', retailer: { id: '7' } };
      const unknown = { id: '2', ref: null, status: null, updatedOn: null, retailer: null };
      const edges = [known, unknown].map((node) => ({ cursor: node.id, node }));
      answer = () => data({ orders: { edges, pageInfo: { hasNextPage: false } } });
      for await (const order of client.ordersUpdatedSince('ACME', new Date(0))) updates.push(order);
      expect(updates).toEqual([
        { id: '1', ref: 'O_1', status: 'BOOKED', updatedOn: 'now', retailerId: '7' },
        { id: '2', ref: '', retailerId: '' },
      ]);
    });

    it('repeats a page that failed, and does not begin with the first one again', async () => {
      vi.spyOn(Math, 'random').mockReturnValue(0);
      const failed = new Set<unknown>();
      answer = ({ variables: { after } }) => {
        if (after === 'a' && failed.size < 2) {
          failed.add(failed.size);
          return { status: 500, text: 'oops' };
        }
        return data(after === null ? page(['1'], ['a'], true) : page(['2'], ['b'], false));
      };
      await expect(read()).resolves.toEqual(['1', '2']);
      expect(sent().map(({ variables }) => variables['after'])).toEqual([null, 'a', 'a', 'a']);
    });

    it('gives a page up after three attempts', async () => {
      vi.spyOn(Math, 'random').mockReturnValue(0);
      answer = () => ({ status: 500, text: 'oops' });
      await expect(read()).rejects.toBeInstanceOf(ServerFaultError);
      expect(sent()).toHaveLength(3);
    });

    it.each([
      ['pauses before it repeats a page, longer the second time', 0.1, 115, Infinity],
      ['chooses the pause at random, so that replicas do not repeat together', 0, 0, 1000],
    ])('%s', async (_name, random, atLeastMs, atMostMs) => {
      vi.spyOn(Math, 'random').mockReturnValue(random);
      answer = () => ({ status: 500, text: 'oops' });
      const startedAt = performance.now();
      await expect(read()).rejects.toBeInstanceOf(ServerFaultError);
      const tookMs = performance.now() - startedAt;
      // A tenth of 400 and of 800 ms; timers count in whole milliseconds.
      expect(tookMs).toBeGreaterThan(atLeastMs);
      expect(tookMs).toBeLessThan(atMostMs);
    });

    it('reads a page only when it is needed', async () => {
      answer = () => data(page(['1'], ['a'], true));
      for await (const _ of client.ordersUpdatedSince('ACME', new Date(0), { until: new Date(1000) })) break;
      expect(sent()).toHaveLength(1);
    });
  });

  describe('getSettings', () => {
    const node = (name: string | null, context: string, contextId: number, value: object) => ({
      cursor: `${context}${contextId}`,
      node: { name, context, contextId, valueType: 'STRING', lobValue: null, value: null, ...value },
    });
    const settings = (...edges: unknown[]) => data({ settings: { edges, pageInfo: { hasNextPage: false } } });

    it('requests the contexts of the retailer and drops other pairs', async () => {
      answer = () =>
        settings(
          node('a', 'RETAILER', 1, { value: 'retailer' }),
          node('a', 'RETAILER', 0, { value: 'wrong pair' }),
          node('a', 'ACCOUNT', 1, { value: 'wrong pair' }),
          node('a', 'ACCOUNT', 0, { value: 'account' }),
          node('b', 'GLOBAL', 0, { value: 'global' }),
          node(null, 'GLOBAL', 0, { value: 'nameless' }),
          null,
        );
      await expect(client.getSettings(scope, ['a', 'b'])).resolves.toEqual([
        { name: 'a', context: 'RETAILER', contextId: 1, value: 'retailer' },
        { name: 'a', context: 'ACCOUNT', contextId: 0, value: 'account' },
        { name: 'b', context: 'GLOBAL', contextId: 0, value: 'global' },
      ]);
      expect(sent()[0]!.variables).toEqual({
        names: ['a', 'b'],
        contexts: ['RETAILER', 'ACCOUNT', 'GLOBAL'],
        contextIds: [1, 0],
        first: 100,
        after: null,
      });
    });

    it.each(['north', '', '1e3', '-1', '99999999999'])(
      'omits the retailer when its id is not a context id (%j)',
      async (retailerId) => {
        answer = () => settings();
        await client.getSettings({ ...scope, retailerId }, ['a']);
        expect(sent()[0]!.variables).toMatchObject({ contexts: ['ACCOUNT', 'GLOBAL'], contextIds: [0] });
      },
    );

    it.each([
      [{ valueType: 'JSON', lobValue: { a: 1 }, value: 'x' }, { a: 1 }],
      [{ valueType: 'LOB', lobValue: '{"a":1}' }, '{"a":1}'],
      [{ valueType: 'JSON', value: '{"a":1}' }, '{"a":1}'],
      [{ valueType: 'STRING', value: 'x', lobValue: { a: 1 } }, 'x'],
      [{ valueType: 'STRING', lobValue: { a: 1 } }, { a: 1 }],
      [{ valueType: null, value: 'x' }, 'x'],
    ])('takes from %j the value %j', async (fields, value) => {
      answer = () => settings(node('a', 'ACCOUNT', 0, fields));
      await expect(client.getSettings(scope, ['a'])).resolves.toMatchObject([{ value }]);
    });

    it('reads all pages', async () => {
      answer = ({ variables }) =>
        data({
          settings: {
            edges: [node(variables['after'] ? 'b' : 'a', 'ACCOUNT', 0, { value: 'x' })],
            pageInfo: { hasNextPage: !variables['after'] },
          },
        });
      await expect(client.getSettings(scope, ['a', 'b'])).resolves.toHaveLength(2);
    });
  });
});
