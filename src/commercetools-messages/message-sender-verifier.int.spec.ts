import { createHmac, randomUUID } from 'node:crypto';
import { SignJWT, UnsecuredJWT, exportJWK, exportSPKI, generateKeyPair, type JWTPayload } from 'jose';
import { afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { startLocalServer, type LocalServer, type Reply } from '../../test/support/local-server.js';
import { literalConfig } from '../../test/support/literal-config.js';
import type { CommercetoolsMessagesConfig } from '../config/index.js';
import type { LimitedLog } from '../http/index.js';
import { UpstreamHttp } from '../transport/index.js';
import { KeySetUnavailableError, MessageSenderVerifier } from './message-sender-verifier.js';
import { WAIT } from '../../test/support/wait.js';

const AUDIENCE = 'https://connector.example.com/messages';
const ISSUER = 'https://issuer.example.com/';
const SERVICE_ACCOUNT = 'push@example.com';
const SECRET = 'a-secret-of-some-length';
const now = (): number => Math.floor(Date.now() / 1000);

describe('MessageSenderVerifier', () => {
  let keys: Awaited<ReturnType<typeof generateKeyPair>>;
  let stranger: typeof keys;
  let jwks: Reply;
  let server: LocalServer;
  let http: UpstreamHttp;
  const write = vi.fn<() => void>();
  const log = { write } as unknown as LimitedLog;

  beforeAll(async () => {
    keys = await generateKeyPair('RS256', { extractable: true });
    stranger = await generateKeyPair('RS256');
  });
  beforeEach(async () => {
    jwks = {
      json: { keys: [{ ...(await exportJWK(keys.publicKey)), kid: 'k1', alg: 'RS256', use: 'sig' }] },
    };
    server = await startLocalServer(() => jwks);
    http = new UpstreamHttp(literalConfig({ httpClientTimeoutMs: 60_000 }));
  });
  afterEach(async () => {
    await http.onApplicationShutdown();
    await server[Symbol.asyncDispose]();
  });

  function verifier(messages: Partial<CommercetoolsMessagesConfig> = {}): MessageSenderVerifier {
    const oidc = {
      audience: AUDIENCE,
      issuer: ISSUER,
      jwksUrl: `${server.url}/certs`,
      serviceAccount: SERVICE_ACCOUNT,
    };
    return new MessageSenderVerifier(
      literalConfig({ commercetoolsMessages: { path: '/messages', oidc, ...messages } }),
      http,
      log,
    );
  }

  const claims: JWTPayload = { email: SERVICE_ACCOUNT, email_verified: true };

  function jwt(changes: JWTPayload = {}, kid = 'k1'): SignJWT {
    return new SignJWT({
      iss: ISSUER,
      aud: AUDIENCE,
      sub: randomUUID(),
      iat: now(),
      exp: now() + 3600,
      ...claims,
      ...changes,
    }).setProtectedHeader({ alg: 'RS256', kid });
  }

  const bearer = (token: string): { authorization: string } => ({ authorization: `Bearer ${token}` });

  it("accepts the service account's token and fetches the key set once", async () => {
    const subject = verifier();
    const headers = bearer(await jwt().sign(keys.privateKey));
    expect(await subject.verify(headers)).toBeUndefined();
    expect(await subject.verify(headers)).toBeUndefined();
    expect(server.requests.map(({ path }) => path)).toEqual(['/certs']);
  });

  it('tolerates a clock skew of ten seconds', async () => {
    const token = await jwt({ exp: now() - 10, nbf: now() + 10 }).sign(keys.privateKey);
    expect(await verifier().verify(bearer(token))).toBeUndefined();
  });

  it('accepts the configured subject and no other tenant of the issuer', async () => {
    const oidc = { audience: AUDIENCE, issuer: ISSUER, jwksUrl: `${server.url}/certs`, subject: 'sender-1' };
    const own = await jwt({ email: undefined, sub: 'sender-1' }).sign(keys.privateKey);
    expect(await verifier({ oidc }).verify(bearer(own))).toBeUndefined();
    const other = await jwt({ email: undefined, sub: 'sender-2' }).sign(keys.privateKey);
    expect(await verifier({ oidc }).verify(bearer(other))).toMatch(/COMMERCETOOLS_MESSAGES_SUBJECT/);
  });

  it('refuses every token of the issuer when neither account nor subject is configured', async () => {
    const oidc = { audience: AUDIENCE, issuer: ISSUER, jwksUrl: `${server.url}/certs` };
    const token = await jwt().sign(keys.privateKey);
    expect(await verifier({ oidc }).verify(bearer(token))).toMatch(/is set$/);
  });

  it('fetches the key set before the first token arrives', async () => {
    const subject = verifier();
    subject.fetchKeySet();
    await vi.waitFor(() => expect(server.requests).toHaveLength(1), WAIT);
    expect(await subject.verify(bearer(await jwt().sign(keys.privateKey)))).toBeUndefined();
    expect(server.requests).toHaveLength(1);
  });

  it('fetches the key set once for many tokens at the same time', async () => {
    const subject = verifier();
    const headers = bearer(await jwt().sign(keys.privateKey));
    const reasons = await Promise.all(Array.from({ length: 20 }, () => subject.verify(headers)));
    expect(reasons).toEqual(Array.from({ length: 20 }, () => undefined));
    expect(server.requests).toHaveLength(1);
  });

  it('fetches the key set once, not once per token, while the fetch fails', async () => {
    jwks = { status: 500, json: {} };
    const subject = verifier();
    const headers = bearer(await jwt().sign(keys.privateKey));
    for (let i = 0; i < 20; i++)
      await expect(subject.verify(headers)).rejects.toThrow(KeySetUnavailableError);
    expect(server.requests).toHaveLength(1);
  });

  it('writes no text of a refused token into the reason', async () => {
    const forged = 'attacker\u001b[31m\u202e'.repeat(100);
    const header = Buffer.from(JSON.stringify({ alg: forged, kid: forged })).toString('base64url');
    const tokens = [`${header}.e30.`, await jwt({ iss: forged, aud: forged }).sign(keys.privateKey)];
    for (const token of tokens) {
      expect(await verifier().verify(bearer(token))).toMatch(
        /^the bearer token is refused: [A-Z_]+( \(\w+\))?$/,
      );
    }
  });

  it.each<[string, JWTPayload, RegExp]>([
    ['another audience', { aud: 'https://elsewhere.example.com' }, /\(aud\)/],
    ['another issuer', { iss: 'https://accounts.google.com' }, /\(iss\)/],
    ['no issuer', { iss: undefined }, /\(iss\)/],
    ['an expired token', { exp: now() - 3600 }, /\(exp\)/],
    ['a token that never expires', { exp: undefined }, /\(exp\)/],
    ['a token that is not valid yet', { nbf: now() + 86_400 }, /\(nbf\)/],
    ['another account', { email: 'somebody@example.com' }, /SERVICE_ACCOUNT/],
    ['an unverified address', { email_verified: false }, /SERVICE_ACCOUNT/],
    ['an address whose email_verified is the string true', { email_verified: 'true' }, /SERVICE_ACCOUNT/],
  ])('refuses %s', async (_, changes, reason) => {
    expect(await verifier().verify(bearer(await jwt(changes).sign(keys.privateKey)))).toMatch(reason);
  });

  it('refuses a signature by another key with the same key id', async () => {
    expect(await verifier().verify(bearer(await jwt().sign(stranger.privateKey)))).toMatch(
      /ERR_JWS_SIGNATURE_VERIFICATION_FAILED/,
    );
  });

  it('refuses unsigned tokens', async () => {
    const unsigned = new UnsecuredJWT({ aud: AUDIENCE, iss: ISSUER, exp: now() + 60, ...claims }).encode();
    expect(await verifier().verify(bearer(unsigned))).toMatch(/refused/);
  });

  it('refuses HS256 with the public key as the secret, before it fetches the key set', async () => {
    const encode = (part: object): string => Buffer.from(JSON.stringify(part)).toString('base64url');
    const input = `${encode({ alg: 'HS256', kid: 'k1' })}.${encode({ aud: AUDIENCE, iss: ISSUER, exp: now() + 60, ...claims })}`;
    const mac = createHmac('sha256', await exportSPKI(keys.publicKey))
      .update(input)
      .digest('base64url');
    expect(await verifier().verify(bearer(`${input}.${mac}`))).toMatch(/ERR_JOSE_ALG_NOT_ALLOWED/);
    expect(server.requests).toHaveLength(0);
  });

  it('fetches the key set once, not once per token, when tokens have unknown keys', async () => {
    const subject = verifier();
    await subject.verify(bearer(await jwt().sign(keys.privateKey)));
    for (let i = 0; i < 20; i++) {
      const token = await jwt({}, `unknown-${i}`).sign(stranger.privateKey);
      expect(await subject.verify(bearer(token))).toMatch(/ERR_JWKS_NO_MATCHING_KEY/);
    }
    expect(server.requests.length).toBeLessThanOrEqual(2);
  });

  it.each([
    ['a request without credentials', {}],
    ['another scheme', { authorization: 'Basic dXNlcjpwYXNz' }],
    ['an empty bearer token', { authorization: 'Bearer' }],
    ['two tokens', { authorization: 'Bearer a, Bearer b' }],
    ['a bearer token that is not a JWT', { authorization: 'Bearer abc' }],
    ['a bearer token that only looks like a JWT', { authorization: 'Bearer a.b.c' }],
  ])('refuses %s', async (_, headers) => {
    expect(await verifier().verify(headers)).toEqual(expect.any(String));
    expect(server.requests).toHaveLength(0);
  });

  it.each<[string, () => Reply, number?]>([
    ['responds with an error', () => ({ status: 500, json: {} })],
    ['is not JSON', () => ({ text: '<html>' })],
    ['has no keys', () => ({ json: { hello: 1 } })],
    ['never responds', () => () => undefined, 100],
  ])(
    'reports the key set, not the token, when the key set %s',
    async (_, reply, httpClientTimeoutMs = 60_000) => {
      jwks = reply();
      await http.onApplicationShutdown();
      http = new UpstreamHttp(literalConfig({ httpClientTimeoutMs }));
      const token = await jwt().sign(keys.privateKey);
      await expect(verifier().verify(bearer(token))).rejects.toThrow(KeySetUnavailableError);
    },
  );

  it('accepts the configured secret and no other', async () => {
    const subject = verifier({ oidc: undefined, secret: SECRET });
    expect(await subject.verify({ 'x-connector-secret': SECRET })).toBeUndefined();
    for (const wrong of ['', 'x', `${SECRET}x`, SECRET.slice(1), `${SECRET}, ${SECRET}`]) {
      expect(await subject.verify({ 'x-connector-secret': wrong })).toBe('x-connector-secret is wrong');
    }
    expect(await subject.verify({})).toBe('no x-connector-secret');
    expect(await subject.verify(bearer(await jwt().sign(keys.privateKey)))).toBe('no x-connector-secret');
  });

  it('accepts the secret or a token, but not a wrong secret beside a token', async () => {
    const subject = verifier({ secret: SECRET });
    const token = bearer(await jwt().sign(keys.privateKey));
    expect(await subject.verify(token)).toBeUndefined();
    expect(await subject.verify({ 'x-connector-secret': SECRET })).toBeUndefined();
    expect(await subject.verify({ ...token, 'x-connector-secret': 'wrong' })).toBe(
      'x-connector-secret is wrong',
    );
    expect(await subject.verify({})).toBe('no bearer token and no x-connector-secret');
  });

  it('refuses every sender while nothing is configured', async () => {
    const closed = new MessageSenderVerifier(literalConfig(), http, log);
    const headers = { ...bearer(await jwt().sign(keys.privateKey)), 'x-connector-secret': '' };
    expect(await closed.verify(headers)).toEqual(expect.any(String));
  });
});
