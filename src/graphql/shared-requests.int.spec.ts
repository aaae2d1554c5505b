import { type TypedDocumentNode, gql } from '@apollo/client';
import { GraphQLError, buildSchema, execute, parse, print } from 'graphql';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { literalConfig } from '../../test/support/literal-config.js';
import { type LocalServer, type Reply, startLocalServer } from '../../test/support/local-server.js';
import { CircuitOpenError, ConfigurationError, PermanentError, TransientError } from '../errors.js';
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
const CHANGE: TypedDocumentNode<Thing, { id: string; to: string }> = gql`
  mutation Change($id: ID!, $to: Colour) {
    thing: change(id: $id, to: $to) {
      id
    }
  }
`;
const LIST: TypedDocumentNode<{ list: Thing['thing'][] }, { id: string }> = gql`
  query List($id: ID!) {
    list(id: $id, first: 200) {
      id
    }
  }
`;
const SCHEMA = buildSchema(`
  enum Colour { RED GREEN }
  type Thing { id: ID }
  type Query { thing(id: ID!): Thing, list(id: ID!, first: Int): [Thing] }
  type Mutation { change(id: ID!, to: Colour): Thing }
`);
const COMPLEXITY_LIMIT = 1000;

interface Request {
  readonly query: string;
  readonly operations: number;
  readonly correlation: unknown;
}

/** The codes with which things fail, by their ids. */
const FAILING: Readonly<Record<string, string>> = {
  gone: 'InvalidInput',
  faulty: 'S0001E',
  warned: 'C0001W',
};

describe('operations that share a request', () => {
  const servers: LocalServer[] = [];
  const https: UpstreamHttp[] = [];
  let metrics: ConnectorMetrics;
  let breakers: CircuitBreakers;
  let endpoint: GraphqlEndpoint;
  let requests: Request[];
  /** Replies in place of the GraphQL server, or changes its answer. */
  let instead: (request: Request, answer: { data?: unknown; errors?: unknown }) => Reply | undefined;

  beforeEach(async () => {
    requests = [];
    instead = () => undefined;
    metrics = new ConnectorMetrics();
    breakers = new CircuitBreakers(metrics);
    endpoint = await open('test:one');
  });
  afterEach(async () => {
    await Promise.all(https.splice(0).map((http) => http.onApplicationShutdown()));
    await Promise.all(servers.splice(0).map((server) => server[Symbol.asyncDispose]()));
  });

  async function open(
    target: string,
    operationBatches = literalConfig().operationBatches,
  ): Promise<GraphqlEndpoint> {
    const server = await startLocalServer(({ path, body, headers }) => {
      if (path === '/token') return { json: { access_token: 'token', expires_in: 1000 } };
      const { query, variables } = JSON.parse(body) as { query: string; variables: Record<string, unknown> };
      const operations = query.match(/\b(?:thing|change|list)\(/g)?.length ?? 0;
      const request = { query, operations, correlation: headers['x-work'] };
      requests.push(request);
      const answer = answerTo(query, variables);
      return instead(request, answer) ?? { status: 'data' in answer ? 200 : 400, json: answer };
    });
    servers.push(server);
    const http = new UpstreamHttp(literalConfig({ httpClientTimeoutMs: 60_000 }));
    https.push(http);
    const endpoints = new GraphqlEndpoints(http, breakers, new CallMetrics(metrics), { operationBatches });
    return endpoints.open({
      target,
      subject: { owner: 'Test one', credentialVariables: 'SECRET', urlVariable: 'URL', credentials: [] },
      url: `${server.url}/graphql`,
      token: { url: `${server.url}/token`, form: {} },
      classify: (failure, subject, operation) => {
        const codes = failure.problems.map(({ code }) => code);
        if (codes.includes('S0001E')) return failureError('fault', failure, subject, operation);
        if (codes.includes('InvalidInput')) return failureError('permanent', failure, subject, operation);
        return failureError(classOfStatus(failure), failure, subject, operation);
      },
      isWarning: (_message, code) => code === 'C0001W',
      complexityLimit: COMPLEXITY_LIMIT,
      headersOf: (ids) => ({ 'x-work': ids.join(' ') }),
    });
  }

  function answerTo(query: string, variables: Record<string, unknown>) {
    const thing = ({ id }: { id: string }): unknown => {
      const code = FAILING[id];
      if (code === 'C0001W') return { id: new GraphQLError('warned', { extensions: { code } }) };
      if (code) throw new GraphQLError(`thing ${id}`, { extensions: { code } });
      return id === 'none' ? null : { id };
    };
    const list = ({ id }: { id: string }): unknown => [{ id }];
    const rootValue = { thing, change: thing, list };
    const result = execute({ schema: SCHEMA, document: parse(query), rootValue, variableValues: variables });
    return JSON.parse(JSON.stringify(result)) as { data?: Record<string, unknown>; errors?: object[] };
  }

  const read = (id: string, signal?: AbortSignal) => endpoint.execute(THING, { id }, { signal });
  const write = (id: string, to = 'RED') => endpoint.execute(CHANGE, { id, to }, { shareRequest: true });
  const readAll = (ids: readonly string[]) => Promise.allSettled(ids.map((id) => read(id)));
  const ids = (count: number) => Array.from({ length: count }, (_, index) => `t${index}`);
  const sizes = () => requests.map(({ operations }) => operations);
  const summary = (results: readonly PromiseSettledResult<Thing>[]) =>
    results.map((result) =>
      result.status === 'fulfilled' ? (result.value.thing?.id ?? null) : (result.reason as Error).name,
    );
  const replyOnceTo = (operationsOfRequest: number, reply: Reply) => {
    let isOver = false;
    instead = ({ operations }) => {
      if (isOver || operations !== operationsOfRequest) return undefined;
      isOver = true;
      return reply;
    };
  };
  /** Four requests, one operation each: further operations wait. */
  const fillAllRequests = async (signal?: AbortSignal): Promise<Promise<Thing>[]> => {
    const reads: Promise<Thing>[] = [];
    for (const id of ids(4)) {
      reads.push(read(id, signal));
      await vi.waitFor(() => expect(requests).toHaveLength(reads.length), WAIT);
    }
    return reads;
  };

  it('each get their own answer, in far fewer requests', async () => {
    const all = ids(80);
    expect(summary(await readAll(all))).toEqual(all);
    expect(sizes().reduce((sum, size) => sum + size, 0)).toBe(80);
    expect(requests.length).toBeLessThanOrEqual(8);
  });

  it('are sent as they are written while one is alone', async () => {
    await write('1');
    await read('2');
    expect(requests.map(({ query }) => query)).toEqual([print(CHANGE), print(THING)]);
  });

  it('stay alone when a mutation is not said to be repeatable', async () => {
    await Promise.all(ids(128).map((id) => endpoint.execute(CHANGE, { id, to: 'RED' })));
    expect(sizes()).toEqual(ids(128).map(() => 1));
  });

  it('are shared by the fewer requests, the fewer may be under way', async () => {
    await Promise.all(ids(6).map((id) => write(id)));
    expect(sizes()).toEqual([1, 1, 1, 1, 1, 1]);
    requests = [];
    endpoint = await open('test:two', { reads: 50, writes: 4, writesInFlight: 2 });
    await Promise.all(ids(6).map((id) => write(id)));
    expect(sizes().toSorted()).toEqual([2, 4]);
  });

  it('fail apart: the error of one, and what is absent or a warning, concerns no other', async () => {
    const results = await readAll([...ids(20), 'gone', 'none', 'warned']);
    expect(Math.max(...sizes())).toBeGreaterThan(1);
    expect(summary(results)).toEqual([...ids(20), 'PermanentError', null, null]);
    expect(String((results[20] as PromiseRejectedResult).reason)).toContain('thing gone');
  });

  it('fail apart also when the whole answer is a conflict with data', async () => {
    instead = (_request, answer) => (answer.errors ? { status: 409, json: answer } : undefined);
    expect(summary(await readAll([...ids(20), 'gone']))).toEqual([...ids(20), 'PermanentError']);
    expect(requests.length).toBeLessThan(8);
  });

  it('are transient failures when the answer lacks them', async () => {
    instead = (_request, answer) => {
      const { b0_thing: _lost, ...data } = answer.data as Record<string, unknown>;
      return { json: { data } };
    };
    const results = await readAll(ids(20));
    const lost = sizes().length;
    expect(summary(results).filter((name) => name === 'TransientError')).toHaveLength(lost);
    expect(summary(results).filter((name) => name?.startsWith('t'))).toHaveLength(20 - lost);
  });

  it('are each sent alone after a refusal of the request, so that only the culprit is refused', async () => {
    const results = await Promise.allSettled([...ids(138).map((id) => write(id)), write('bad', 'NO_COLOUR')]);
    // The last of 139 is in a full request. All were sent once, and those of this request alone after it.
    expect(Math.max(...sizes())).toBe(4);
    expect(sizes().reduce((sum, size) => sum + size, 0)).toBe(139 + 4);
    const bad = results.pop() as PromiseRejectedResult;
    expect(results.every(({ status }) => status === 'fulfilled')).toBe(true);
    expect(bad.reason).toBeInstanceOf(PermanentError);
  });

  it('are each sent alone when the server fails at reading one of them', async () => {
    instead = ({ query }, answer) =>
      answer.errors ? { status: 500, json: { errors: [{ message: `failed ${query.length}` }] } } : undefined;
    const results = await readAll([...ids(20), 'gone']);
    expect(summary(results)).toEqual([...ids(20), 'ServerFaultError']);
  });

  it.each<[string, Reply]>([
    ['loses the connection', (response) => response.destroy()],
    ['fails', { status: 500, json: { errors: [{ message: 'General' }] } }],
    ['is overloaded', { status: 503, text: '' }],
  ])('are all for their callers to repeat when a server %s that may have written', async (_name, reply) => {
    replyOnceTo(4, reply);
    const results = await Promise.allSettled(ids(128).map((id) => write(id)));
    const failed = results.filter((result) => result.status === 'rejected');
    expect(failed).toHaveLength(4);
    expect(failed.every(({ reason }) => reason instanceof TransientError)).toBe(true);
    expect(sizes().reduce((sum, size) => sum + size, 0)).toBe(128);
  });

  it('share smaller requests once one was too complex, and are sent again', async () => {
    instead = ({ operations }) =>
      operations > 3
        ? { json: { data: null, errors: [{ message: 'complexity is 12, limit is 9' }] } }
        : undefined;
    expect(summary(await readAll(ids(64)))).toEqual(ids(64));
    requests = [];
    expect(summary(await readAll(ids(64)))).toEqual(ids(64));
    expect(Math.max(...sizes())).toBeLessThanOrEqual(3);
  });

  it('never share a request that would be more complex than the upstream allows', async () => {
    await Promise.all(ids(64).map((id) => endpoint.execute(LIST, { id })));
    expect(Math.max(...sizes())).toBe(Math.floor(COMPLEXITY_LIMIT / 201));
  });

  it('count once for the circuit breaker', async () => {
    instead = () => ({ status: 502, text: '' });
    await readAll(ids(50));
    expect(requests.length).toBeLessThan(10);
    expect(breakers.states()).toEqual({ 'test:one': 'closed' });
  });

  it('count against the target when all of them fail because of it', async () => {
    instead = (_request, answer) => {
      const data = answer.data as Record<string, unknown>;
      const errors = Object.keys(data).map((key) => ({
        message: 'broken',
        path: [key],
        extensions: { code: 'S0001E' },
      }));
      return { json: { data: Object.fromEntries(Object.keys(data).map((key) => [key, null])), errors } };
    };
    for (let round = 0; round < 10; round++) await readAll(ids(20).map((id) => `${id} of round ${round}`));
    expect(breakers.states()).toEqual({ 'test:one': 'open' });
  });

  it('do not share the probe of an open circuit', async () => {
    vi.useFakeTimers({ toFake: ['Date', 'performance'] });
    try {
      instead = () => ({ status: 502, text: '' });
      for (let call = 0; call < 10; call++) await read('1').catch(() => undefined);
      instead = () => undefined;
      requests = [];
      vi.advanceTimersByTime(2000);
      const results = summary(await readAll(ids(10)));
      expect(sizes()).toEqual([1]);
      expect(results).toEqual(['t0', ...Array.from({ length: 9 }, () => CircuitOpenError.name)]);
    } finally {
      vi.useRealTimers();
    }
  });

  it('go on when one caller gives up, and end when all have', async () => {
    const release: (() => void)[] = [];
    instead = (_request, answer) => (response) => {
      release.push(() => response.end(JSON.stringify(answer)));
    };
    const [first, second] = [new AbortController(), new AbortController()];
    const early = await fillAllRequests();
    const gone = read('a', first.signal);
    const kept = read('b', second.signal);
    await vi.waitFor(() => expect(sizes()[4]).toBe(2), WAIT);
    first.abort('enough');
    await expect(gone).rejects.toBe('enough');
    await vi.waitFor(() => expect(release).toHaveLength(5), WAIT);
    for (const end of release) end();
    await expect(kept).resolves.toEqual({ thing: { id: 'b' } });
    await Promise.all(early);

    requests = [];
    const pair = [read('c', first.signal), read('d', second.signal)];
    second.abort('enough');
    for (const one of pair) await expect(one).rejects.toBe('enough');
    expect(requests).toEqual([]);
  });

  it('never wait long for a request that hangs', async () => {
    instead = ({ operations }) => (operations === 1 ? () => undefined : undefined);
    const hanging = new AbortController();
    const stuck = await fillAllRequests(hanging.signal);
    expect(summary(await readAll(['a', 'b']))).toEqual(['a', 'b']);
    hanging.abort('over');
    await Promise.allSettled(stuck);
  });

  it('never wait for the slow upstream of another account', async () => {
    const slow = await open('test:slow');
    instead = () => () => undefined;
    const hanging = new AbortController();
    const stuck = ids(50).map((id) => slow.execute(THING, { id }, { signal: hanging.signal }));
    await vi.waitFor(() => expect(requests.length).toBeGreaterThan(0), WAIT);
    instead = () => undefined;
    expect(summary(await readAll(['a', 'b']))).toEqual(['a', 'b']);
    hanging.abort('over');
    await Promise.allSettled(stuck);
  });

  it('are all refused when the token is, without more requests', async () => {
    instead = () => ({ status: 401, json: {} });
    const results = await readAll(ids(50));
    for (const result of results) {
      expect((result as PromiseRejectedResult).reason).toBeInstanceOf(ConfigurationError);
    }
    expect(requests.length).toBeLessThanOrEqual(8);
  });

  it('name the work of all of them', async () => {
    await Promise.all(
      ids(8).map((id) => endpoint.execute(THING, { id }, { correlationId: id === 't1' ? undefined : id })),
    );
    expect(requests.map(({ correlation }) => correlation)).toEqual(['t0 t2 t3 t4 t5 t6 t7']);
  });
});
