import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { graphqlEndpoints } from '../../test/support/graphql-endpoints.js';
import { PROJECT, literalConfig, literalScope } from '../../test/support/literal-config.js';
import {
  type LocalServer,
  type ReceivedRequest,
  type Reply,
  startLocalServer,
} from '../../test/support/local-server.js';
import type { RetailerScope } from '../config/index.js';
import { ConfigurationError, PermanentError } from '../errors.js';
import { OutageError, ServerFaultError, UpstreamHttp } from '../transport/index.js';
import { ApolloCommercetoolsClient, correlationHeader } from './apollo-commercetools-client.js';
import { ConfiguredOrderLookup } from './configured-order-lookup.js';
import { ConflictError } from './conflict-error.js';
import { MutationOrderUpdate } from './mutation-order-update.js';

const NODE = {
  id: 'abc',
  orderNumber: 'HD_12',
  version: 4,
  orderState: 'Open',
  paymentState: null,
  shipmentState: 'Pending',
};
const REFERENCE = { id: '12', ref: 'HD_12' };

describe('commercetools', () => {
  let server: LocalServer;
  let http: UpstreamHttp;
  let lookup: ConfiguredOrderLookup;
  let update: MutationOrderUpdate;
  let scope: RetailerScope;
  let answer: (request: ReceivedRequest) => Reply;
  const calls = () => server.requests.filter(({ path }) => path === '/shop/graphql');
  const sent = () =>
    calls().map(({ body }) => JSON.parse(body) as { query: string; variables: Record<string, unknown> });
  const order = (node: unknown): Reply => ({ json: { data: { order: node } } });
  const apply = () =>
    update
      .apply(
        { id: 'abc', version: 4, orderState: 'Open' },
        [{ changeOrderState: { orderState: 'Complete' } }],
        scope,
      )
      .catch((error: unknown) => error);

  beforeEach(async () => {
    server = await startLocalServer((request) =>
      request.path === '/oauth/token'
        ? { json: { access_token: 'token', expires_in: 172_800, scope: 'manage_orders:shop' } }
        : answer(request),
    );
    const project = { ...PROJECT, authUrl: server.url, apiUrl: server.url };
    scope = literalScope({ project });
    const config = literalConfig({ projects: [project] });
    http = new UpstreamHttp(config);
    const endpoints = graphqlEndpoints(http);
    const client = new ApolloCommercetoolsClient(config, endpoints);
    lookup = new ConfiguredOrderLookup(client);
    update = new MutationOrderUpdate(client);
  });
  afterEach(async () => {
    await http.onApplicationShutdown();
    await server[Symbol.asyncDispose]();
  });

  it('asks for its token with basic authentication and its scopes', async () => {
    answer = () => order(null);
    await lookup.find(REFERENCE, scope);
    expect(server.requests[0]).toMatchObject({
      headers: { authorization: `Basic ${Buffer.from('ctp-client:ctp-secret').toString('base64')}` },
      body: 'grant_type=client_credentials&scope=manage_orders%3Ashop',
    });
  });

  it('finds an order by its number, and leaves states out that it does not have', async () => {
    answer = () => order(NODE);
    await expect(lookup.find(REFERENCE, scope, { correlationId: 'no\nspaces here' })).resolves.toStrictEqual({
      id: 'abc',
      orderNumber: 'HD_12',
      version: 4,
      orderState: 'Open',
      shipmentState: 'Pending',
    });
    expect(sent()[0]).toMatchObject({ variables: { orderNumber: 'HD_12' } });
    expect(calls()[0]!.headers).toMatchObject({
      'x-correlation-id': 'no-spaces-here',
      'user-agent': expect.stringContaining('fluent-commercetools-connector/'),
    });
  });

  it.each([
    ['HD_12', 'HD_', { id: '12' }],
    ['12', 'HD_', { id: '12' }],
    ['HD_HD_12', 'HD_', { id: 'HD_12' }],
    ['HD_12', undefined, { id: 'HD_12' }],
  ])('finds %s without the prefix %s by id', async (ref, orderRefPrefix, variables) => {
    answer = () => order(null);
    const byId = { ...scope, orderLookup: 'id' as const, orderRefPrefix };
    await expect(lookup.find({ id: '1', ref }, byId)).resolves.toBeUndefined();
    expect(sent()[0]!.variables).toEqual(variables);
  });

  it('finds nothing, without a call, when the ref is the prefix alone', async () => {
    await expect(
      lookup.find({ id: '1', ref: 'HD_' }, { ...scope, orderRefPrefix: 'HD_' }),
    ).resolves.toBeUndefined();
    expect(server.requests).toEqual([]);
  });

  it('sends the mutation with id, version and actions', async () => {
    answer = () => ({ json: { data: { search: { id: 'abc' } } } });
    await expect(apply()).resolves.toBeUndefined();
    expect(sent()[0]!.query.replace(/\s+/g, ' ')).toBe(
      'mutation Search($id: String!, $version: Long!, $actions: [OrderUpdateAction!]!) ' +
        '{ search: updateOrder(id: $id, version: $version, actions: $actions) { id } }',
    );
    expect(sent()[0]!.variables).toEqual({
      id: 'abc',
      version: 4,
      actions: [{ changeOrderState: { orderState: 'Complete' } }],
    });
  });

  const graphqlError = (code: string) => ({ errors: [{ message: 'no', extensions: { code } }] });
  it.each<[string, Reply, new (...args: never[]) => Error]>([
    [
      'a conflict',
      { json: { data: { search: null }, ...graphqlError('ConcurrentModification') } },
      ConflictError,
    ],
    ['a conflict at 409', { status: 409, json: graphqlError('ConcurrentModification') }, ConflictError],
    ['InvalidInput at 400', { status: 400, json: graphqlError('InvalidInput') }, PermanentError],
    ['General at 500', { status: 500, json: graphqlError('General') }, ServerFaultError],
    [
      'a REST-shaped 403',
      { status: 403, json: { statusCode: 403, message: 'no', error: 'insufficient_scope' } },
      PermanentError,
    ],
    ['HTML at 502', { status: 502, text: '<html>' }, OutageError],
    ['a refused fresh token', { status: 401, json: { error: 'invalid_token' } }, ConfigurationError],
    ['a closed connection', (response) => response.destroy(), OutageError],
  ])('classifies %s', async (_name, reply, type) => {
    answer = () => reply;
    expect(((await apply()) as Error).constructor).toBe(type);
  });

  it('refuses a project that is not configured', async () => {
    await expect(lookup.find(REFERENCE, literalScope({ project: { ...PROJECT, key: 'x' } }))).rejects.toThrow(
      'commercetools project x is not configured',
    );
  });
});

describe('correlationHeader', () => {
  it.each([
    ['b34281d0-ada4-11e9-a1a7-5da7a83b9sd97cd', 'b34281d0-ada4-11e9-a1a7-5da7a83b9sd97cd'],
    ['a/b_c-1234', 'a/b_c-1234'],
    ['id\r\nX-Evil: 1', 'id--X-Evil--1'],
    ['naïve 日本', 'na-ve---'],
    ['1', '1-------'],
    ['x'.repeat(1000), 'x'.repeat(256)],
  ])('makes %j safe', (text, header) => {
    expect(correlationHeader(text)).toBe(header);
  });
});
