import { type TypedDocumentNode, gql } from '@apollo/client';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { literalConfig } from '../../test/support/literal-config.js';
import { type LocalServer, type Reply, startLocalServer } from '../../test/support/local-server.js';
import { CircuitOpenError, TransientError } from '../errors.js';
import { ConnectorMetrics } from '../metrics/index.js';
import {
  CallMetrics,
  CircuitBreakers,
  UpstreamHttp,
  classOfStatus,
  failureError,
} from '../transport/index.js';
import { type GraphqlEndpoint, GraphqlEndpoints } from './graphql-endpoint.js';
import { WAIT } from '../../test/support/wait.js';

type Thing = { thing: { id: string } | null };
const THING: TypedDocumentNode<Thing, { id: string }> = gql`
  query Thing($id: ID!) {
    thing(id: $id) {
      id
    }
  }
`;
const CHANGE: TypedDocumentNode<Thing, { id: string }> = gql`
  mutation Change($id: ID!) {
    thing: change(id: $id) {
      id
    }
  }
`;

/** Operations that share requests have a spec of their own. */
const SINGLY = { operationBatches: { reads: 1, writes: 1 } };

describe('GraphqlEndpoint', () => {
  let server: LocalServer;
  let http: UpstreamHttp;
  let metrics: ConnectorMetrics;
  let breakers: CircuitBreakers;
  let endpoint: GraphqlEndpoint;
  let answer: (call: number) => Reply | Promise<Reply>;
  let tokens: number;
  const calls = () => server.requests.filter(({ path }) => path === '/graphql');
  const ok: Reply = { json: { data: { thing: { id: '1' } } } };
  const outcomes = async () =>
    Object.fromEntries(
      (await metrics.upstreamRequests.get()).values
        .filter(({ metricName }) => metricName?.endsWith('_count'))
        .map(({ labels, value }) => [`${labels.operation} ${labels.outcome}`, value]),
    );

  beforeEach(async () => {
    tokens = 0;
    answer = () => ok;
    server = await startLocalServer(({ path }) =>
      path === '/token'
        ? { json: { access_token: `token-${++tokens}`, expires_in: 1000 } }
        : answer(calls().length),
    );
    metrics = new ConnectorMetrics();
    breakers = new CircuitBreakers(metrics);
    endpoint = endpointWithin(60_000);
  });
  afterEach(async () => {
    await http.onApplicationShutdown();
    await server[Symbol.asyncDispose]();
  });

  function endpointWithin(httpClientTimeoutMs: number): GraphqlEndpoint {
    http = new UpstreamHttp(literalConfig({ httpClientTimeoutMs }));
    return new GraphqlEndpoints(http, breakers, new CallMetrics(metrics), SINGLY).open({
      target: 'test:one',
      subject: { owner: 'Test one', credentialVariables: 'SECRET', urlVariable: 'URL', credentials: [] },
      url: `${server.url}/graphql`,
      token: { url: `${server.url}/token`, form: {} },
      classify: (failure, subject, operation) =>
        failureError(classOfStatus(failure), failure, subject, operation),
      complexityLimit: 1000,
      headersOf: (ids) => ({ 'x-work': ids.join(' ') }),
    });
  }

  it.each([
    ['query', THING],
    ['mutation', CHANGE],
  ])('sends a %s as it is written, without additions of Apollo', async (kind, document) => {
    await expect(endpoint.execute(document, { id: '7' }, { correlationId: 'work-1' })).resolves.toMatchObject(
      { thing: { id: '1' } },
    );
    const [call] = calls();
    const body = JSON.parse(call!.body) as Record<string, unknown>;
    expect(Object.keys(body).sort()).toEqual(['operationName', 'query', 'variables']);
    expect(body['variables']).toEqual({ id: '7' });
    expect(body['query']).toMatch(new RegExp(`^${kind} `));
    expect(body['query']).not.toContain('__typename');
    expect(call!.headers).toMatchObject({ authorization: 'Bearer token-1', 'x-work': 'work-1' });
    expect(Object.keys(call!.headers).filter((name) => name.startsWith('apollo'))).toEqual([]);
  });

  it('never shares or remembers an answer', async () => {
    await Promise.all([endpoint.execute(THING, { id: '1' }), endpoint.execute(THING, { id: '1' })]);
    await endpoint.execute(THING, { id: '1' });
    expect(calls()).toHaveLength(3);
  });

  it('replaces a refused token once for all who hold it', async () => {
    server.respond = ({ path, headers }) => {
      if (path === '/token') return { json: { access_token: `token-${++tokens}`, expires_in: 1000 } };
      return headers.authorization === 'Bearer token-1' ? { status: 401, text: '' } : ok;
    };
    await Promise.all(Array.from({ length: 5 }, () => endpoint.execute(THING, { id: '1' })));
    expect([calls().length, tokens]).toEqual([10, 2]);
    expect(await outcomes()).toEqual({ 'token ok': 2, 'Thing unauthorized': 5, 'Thing ok': 5 });
  });

  it('gives up when a fresh token is refused too', async () => {
    answer = () => ({ status: 401, json: { error: 'invalid_token' } });
    await expect(endpoint.execute(THING, { id: '1' })).rejects.toThrow('check SECRET');
    expect([calls().length, tokens]).toEqual([2, 2]);
  });

  it.each<[string, Reply]>([
    ['null data', { json: { data: null } }],
    ['neither data nor errors', { json: {} }],
    ['JSON null', { json: null }],
    ['an array', { json: [] }],
    ['HTML', { text: '<html>' }],
  ])('takes %s for a transient failure', async (_name, reply) => {
    answer = () => reply;
    await expect(endpoint.execute(THING, { id: '1' })).rejects.toThrow(TransientError);
  });

  it('reads errors beside data as a failure', async () => {
    answer = () => ({ json: { data: { thing: null }, errors: [{ message: 'broken' }] } });
    await expect(endpoint.execute(THING, { id: '1' })).rejects.toThrow('broken');
  });

  it('rejects calls while the target is down, and does not count an abort as an outage', async () => {
    answer = () => ({ status: 502, text: '<html>' });
    for (let call = 0; call < 10; call++) {
      await expect(endpoint.execute(THING, { id: '1' })).rejects.toThrow('HTTP 502');
    }
    await expect(endpoint.execute(THING, { id: '1' })).rejects.toThrow(CircuitOpenError);
    expect(calls()).toHaveLength(10);
    expect(await outcomes()).toEqual({ 'token ok': 1, 'Thing outage': 10 });
  });

  it("throws the signal's reason, whether the call waits or has not begun", async () => {
    answer = () => () => undefined;
    for (let call = 0; call < 12; call++) {
      const abort = new AbortController();
      const running = endpoint.execute(THING, { id: '1' }, { signal: abort.signal });
      await vi.waitFor(() => expect(calls()).toHaveLength(call + 1), WAIT);
      abort.abort('any reason');
      await expect(running).rejects.toBe('any reason');
      await expect(endpoint.execute(THING, { id: '1' }, { signal: abort.signal })).rejects.toBe('any reason');
    }
    expect(breakers.states()).toEqual({ 'test:one': 'closed' });
    expect(await outcomes()).toEqual({ 'token ok': 1, 'Thing aborted': 12 });
  });

  it('counts a time-out as an outage', async () => {
    answer = () => () => undefined;
    // The token must come in time: it takes a few milliseconds.
    await http.onApplicationShutdown();
    const hasty = endpointWithin(1000);
    await expect(hasty.execute(THING, { id: '1' })).rejects.toThrow('within 1000 ms');
    expect(await outcomes()).toMatchObject({ 'Thing outage': 1 });
  });

  it('bounds the operation names of the metric', async () => {
    for (let index = 0; index < 60; index++) {
      const document = gql(`query Generated${index} { thing { id } }`) as TypedDocumentNode<Thing, {}>;
      await endpoint.execute(document, {});
    }
    const names = Object.keys(await outcomes());
    expect(names).toHaveLength(51);
    expect(names).toContain('other ok');
  });
});
