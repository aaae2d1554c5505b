import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { literalConfig } from '../../test/support/literal-config.js';
import { type LocalServer, type Reply, startLocalServer } from '../../test/support/local-server.js';
import { ConfigurationError, TransientError } from '../errors.js';
import { ConnectorMetrics } from '../metrics/index.js';
import { CallMetrics } from './call-metrics.js';
import { OAuthToken } from './oauth-token.js';
import { OutageError } from './outage-error.js';
import { UpstreamHttp } from './upstream-http.js';
import { WAIT } from '../../test/support/wait.js';

const SUBJECT = {
  owner: 'Fluent account ACME',
  credentialVariables: 'FLUENT_USERNAME, FLUENT_PASSWORD',
  urlVariable: 'FLUENT_BASE_URL',
  credentials: [],
};

describe('OAuthToken', () => {
  let server: LocalServer;
  let http: UpstreamHttp;
  let metrics: ConnectorMetrics;
  let token: OAuthToken;
  let issued: number;
  const grant = (expires_in?: unknown): Reply => ({
    json: { access_token: `token-${++issued}`, expires_in },
  });

  beforeEach(async () => {
    vi.useFakeTimers({ toFake: ['Date'] });
    issued = 0;
    server = await startLocalServer(() => grant(1000));
    metrics = new ConnectorMetrics();
    token = tokenWithin(60_000);
  });
  afterEach(async () => {
    vi.useRealTimers();
    await http.onApplicationShutdown();
    await server[Symbol.asyncDispose]();
  });

  function tokenWithin(httpClientTimeoutMs: number): OAuthToken {
    http = new UpstreamHttp(literalConfig({ httpClientTimeoutMs }));
    const request = { url: `${server.url}/oauth/token`, form: { password: 'a&b=c', scope: 'api' } };
    return new OAuthToken('fluent:ACME', SUBJECT, request, http, new CallMetrics(metrics));
  }

  it('sends an encoded form and shares one request between all who ask', async () => {
    const tokens = await Promise.all(Array.from({ length: 20 }, () => token.get()));
    expect(new Set([...tokens, await token.get()])).toEqual(new Set(['token-1']));
    expect(server.requests).toHaveLength(1);
    expect(server.requests[0]).toMatchObject({ body: 'password=a%26b%3Dc&scope=api' });
  });

  it('is renewed before it expires, not earlier than needed', async () => {
    await token.get();
    vi.advanceTimersByTime(930_000);
    await expect(token.get()).resolves.toBe('token-1');
    vi.advanceTimersByTime(60_000);
    await expect(token.get()).resolves.toBe('token-2');
  });

  it.each([
    [100, 80, 90],
    [172_800, 172_740, 172_770],
  ])(
    'that lives %i s is renewed at random between %i and %i s, so that replicas do not renew together',
    async (lifeSeconds, earliestSeconds, latestSeconds) => {
      server.respond = () => grant(lifeSeconds);
      for (const [random, renewedSeconds] of [
        [1, earliestSeconds],
        [0, latestSeconds],
      ] as const) {
        vi.spyOn(Math, 'random').mockReturnValue(random);
        token.drop(await token.get());
        const fresh = await token.get();
        vi.advanceTimersByTime(renewedSeconds * 1000 - 1);
        await expect(token.get()).resolves.toBe(fresh);
        vi.advanceTimersByTime(1);
        await expect(token.get()).resolves.not.toBe(fresh);
      }
    },
  );

  it.each([1, 0, -5, 'soon'])('works with an expires_in of %j', async (expiresIn) => {
    server.respond = () => grant(expiresIn);
    await expect(token.get()).resolves.toBe('token-1');
    vi.advanceTimersByTime(1000);
    await expect(token.get()).resolves.toBe('token-2');
  });

  it('assumes a life of some minutes when the server does not say', async () => {
    server.respond = () => grant();
    await token.get();
    vi.advanceTimersByTime(200_000);
    await expect(token.get()).resolves.toBe('token-1');
  });

  it('drops a refused token only while it is the current one', async () => {
    const first = await token.get();
    token.drop(first);
    await expect(token.get()).resolves.toBe('token-2');
    token.drop(first);
    await expect(token.get()).resolves.toBe('token-2');
  });

  it.each([
    [400, { error: 'invalid_grant', error_description: 'Bad credentials' }],
    [401, { error: 'unauthorized' }],
  ])(
    'takes HTTP %i for refused credentials and does not hammer the server with them',
    async (status, json) => {
      server.respond = () => ({ status, json });
      const error = (await token.get().catch((thrown: unknown) => thrown)) as Error;
      expect(error).toBeInstanceOf(ConfigurationError);
      expect(error.message).toContain('Fluent account ACME');
      expect(error.message).toContain('check FLUENT_USERNAME, FLUENT_PASSWORD');
      expect(error.message).not.toContain('a&b=c');
      await expect(token.get()).rejects.toThrow(ConfigurationError);
      expect(server.requests).toHaveLength(1);
      vi.advanceTimersByTime(5000);
      server.respond = () => grant(1000);
      await expect(token.get()).resolves.toBe('token-1');
    },
  );

  it.each<[string, Reply, new (...args: never[]) => Error]>([
    ['503', { status: 503, headers: { 'retry-after': '4' }, text: '<html>' }, OutageError],
    ['500', { status: 500, text: 'oops' }, TransientError],
    ['a page instead of a token', { status: 200, text: '<html>' }, TransientError],
    ['JSON null', { json: null }, TransientError],
    ['an answer without a token', { json: { token_type: 'bearer' } }, TransientError],
    ['404', { status: 404, text: '' }, ConfigurationError],
    ['a closed connection', (response) => response.destroy(), OutageError],
  ])('classifies %s and heals by itself', async (_name, reply, type) => {
    server.respond = () => reply;
    await expect(token.get()).rejects.toThrow(type);
    vi.advanceTimersByTime(5000);
    server.respond = () => grant(1000);
    await expect(token.get()).resolves.toBe('token-1');
  });

  it('takes silence for an outage and heals by itself', async () => {
    await http.onApplicationShutdown();
    // The answer that heals takes a few milliseconds.
    token = tokenWithin(1000);
    server.respond = () => () => undefined;
    await expect(token.get()).rejects.toThrow(OutageError);
    vi.advanceTimersByTime(5000);
    server.respond = () => grant(1000);
    await expect(token.get()).resolves.toBe('token-1');
  });

  it('lets one caller give up without failing the others', async () => {
    let answer: (reply: Reply) => void = () => {};
    server.respond = () => new Promise((resolve) => (answer = resolve));
    const abort = new AbortController();
    const impatient = token.get(abort.signal);
    const patient = token.get();
    await vi.waitFor(() => expect(server.requests).toHaveLength(1), WAIT);
    abort.abort(new Error('shutting down'));
    await expect(impatient).rejects.toThrow('shutting down');
    answer(grant(1000));
    await expect(patient).resolves.toBe('token-1');
  });

  it('is measured as operation token', async () => {
    await token.get();
    const { values } = await metrics.upstreamRequests.get();
    expect(values.find(({ metricName }) => metricName?.endsWith('_count'))).toMatchObject({
      labels: { target: 'fluent:ACME', operation: 'token', outcome: 'ok' },
      value: 1,
    });
  });
});
