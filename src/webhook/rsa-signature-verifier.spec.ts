import { generateKeyPairSync, sign, type KeyObject } from 'node:crypto';
import type { IncomingHttpHeaders } from 'node:http';
import { describe, expect, it, vi } from 'vitest';
import type { AccountConfig } from '../config/index.js';
import { RsaSignatureVerifier } from './rsa-signature-verifier.js';

// The size that Fluent uses in the field.
const fluent = generateKeyPairSync('rsa', { modulusLength: 1024 });
const next = generateKeyPairSync('rsa', { modulusLength: 2048 });
const stranger = generateKeyPairSync('rsa', { modulusLength: 1024 });
const elliptic = generateKeyPairSync('ec', { namedCurve: 'P-256' });

// Everything that a parsed and re-serialised body would lose.
const body = Buffer.from('{"accountId" : "ACME","price":1.0,"name":"\\u00e9","a":1,"a":2}\n');

const sha512 = (key = fluent.privateKey, data = body): string =>
  sign('RSA-SHA512', data, key).toString('base64');
const md5 = (key = fluent.privateKey, data = body): string => sign('RSA-MD5', data, key).toString('base64');

function account(options: Partial<AccountConfig> = {}): AccountConfig {
  return {
    id: 'ACME',
    baseUrl: 'https://fluent.test',
    username: 'u',
    password: 'p',
    clientId: 'c',
    clientSecret: 's',
    webhookPublicKeys: [fluent.publicKey],
    allowMd5Signature: false,
    ...options,
  };
}

const verifier = new RsaSignatureVerifier();
/** @returns undefined when the signature is verified, else the reason. */
function verify(
  headers: IncomingHttpHeaders,
  options?: Partial<AccountConfig>,
  data = body,
): string | undefined {
  const verification = verifier.verify(data, headers, [account(options)]);
  return verification.verified ? undefined : verification.reason;
}

describe('RsaSignatureVerifier', () => {
  const md5Allowed = { allowMd5Signature: true };

  it.each<[string, IncomingHttpHeaders, Partial<AccountConfig>?]>([
    ['an RSA-1024 signature', { 'fluent-signature': sha512() }],
    ['the header x-fluent-signature', { 'x-fluent-signature': sha512() }],
    ['the header fluent_signature', { fluent_signature: sha512() }],
    ['a legacy signature beside it', { 'fluent-signature': sha512(), 'flex.signature': 'anything' }],
    [
      'any of several keys',
      { 'fluent-signature': sha512(next.privateKey) },
      { webhookPublicKeys: [fluent.publicKey, next.publicKey] },
    ],
    ['flex.signature when allowed and alone', { 'flex.signature': md5() }, md5Allowed],
    ['flex-signature', { 'flex-signature': md5() }, md5Allowed],
    ['flex_signature', { flex_signature: md5() }, md5Allowed],
  ])('accepts %s', (_case, headers, options) => {
    expect(verify(headers, options)).toBeUndefined();
  });

  it.each<[string, IncomingHttpHeaders, Partial<AccountConfig> | undefined, RegExp]>([
    ['no header', {}, undefined, /no signature header/],
    ['an empty header', { 'fluent-signature': '' }, undefined, /not one Base64/],
    ['a wrong key', { 'fluent-signature': sha512(stranger.privateKey) }, undefined, /does not match/],
    ['malformed Base64', { 'fluent-signature': `${sha512()}!` }, undefined, /not one Base64/],
    ['URL-safe Base64', { 'fluent-signature': '-_-_' }, undefined, /not one Base64/],
    ['surplus padding', { 'fluent-signature': `${sha512()}=` }, undefined, /not one Base64/],
    ['a cut signature', { 'fluent-signature': sha512().slice(0, 40) }, undefined, /does not have the length/],
    ['a repeated header', { 'fluent-signature': `${sha512()}, ${sha512()}` }, undefined, /not one Base64/],
    ['an array', { 'fluent-signature': [sha512(), sha512()] }, undefined, /more than one/],
    [
      'two spellings at once',
      { 'fluent-signature': sha512(), 'x-fluent-signature': sha512() },
      undefined,
      /more than one/,
    ],
    ['MD5 that is not allowed', { 'flex.signature': md5() }, undefined, /FLUENT_ALLOW_MD5_SIGNATURE/],
    ['MD5 with a wrong key', { 'flex.signature': md5(stranger.privateKey) }, md5Allowed, /does not match/],
    ['an MD5 signature in the strong header', { 'fluent-signature': md5() }, md5Allowed, /does not match/],
    ['a strong signature in the MD5 header', { 'flex.signature': sha512() }, md5Allowed, /does not match/],
    [
      'a wrong strong signature beside a right MD5',
      { 'fluent-signature': sha512(stranger.privateKey), 'flex.signature': md5() },
      md5Allowed,
      /does not match/,
    ],
    ['an account without keys', { 'fluent-signature': sha512() }, { webhookPublicKeys: [] }, /has a usable/],
    [
      'a key that is not RSA',
      { 'fluent-signature': sign('sha512', body, elliptic.privateKey).toString('base64') },
      { webhookPublicKeys: [elliptic.publicKey] },
      /does not have the length/,
    ],
  ])('refuses %s', (_case, headers, options, reason) => {
    expect(verify(headers, options)).toMatch(reason);
  });

  it('refuses a body with any one bit flipped', () => {
    const headers = { 'fluent-signature': sha512() };
    for (let i = 0; i < body.length; i++) {
      const flipped = Buffer.from(body);
      flipped[i]! ^= 1;
      expect(verify(headers, undefined, flipped)).toMatch(/does not match/);
    }
  });

  it('refuses the same JSON value in another serialization', () => {
    const rewritten = Buffer.from(JSON.stringify(JSON.parse(body.toString())));
    expect(verify({ 'fluent-signature': sha512() }, undefined, rewritten)).toMatch(/does not match/);
  });

  it('names every account that has the key, and no other', () => {
    const [acme, globex, initech] = [
      account({ id: 'ACME' }),
      account({ id: 'GLOBEX', webhookPublicKeys: [fluent.publicKey, next.publicKey] }),
      account({ id: 'INITECH', webhookPublicKeys: [next.publicKey] }),
    ];
    const verifiedBy = (privateKey: KeyObject): string[] | undefined => {
      const verification = verifier.verify(body, { 'fluent-signature': sha512(privateKey) }, [
        acme,
        globex,
        initech,
      ]);
      return verification.verified ? verification.accounts.map(({ id }) => id) : undefined;
    };
    expect(verifiedBy(fluent.privateKey)).toEqual(['ACME', 'GLOBEX']);
    expect(verifiedBy(next.privateKey)).toEqual(['GLOBEX', 'INITECH']);
    expect(verifiedBy(stranger.privateKey)).toBeUndefined();
  });

  it('names only the accounts that allow it when the signature is legacy', () => {
    const accounts = [account({ id: 'ACME' }), account({ id: 'OLD', allowMd5Signature: true })];
    const verification = verifier.verify(body, { 'flex.signature': md5() }, accounts);
    expect(verification).toMatchObject({ verified: true, accounts: [{ id: 'OLD' }] });
  });

  it.each<[string, IncomingHttpHeaders, RegExp]>([
    ['no signature', {}, /no signature header/],
    ['a legacy signature that no account allows', { 'flex.signature': md5() }, /FLUENT_ALLOW_MD5_SIGNATURE/],
    ['something that is not Base64', { 'fluent-signature': 'x!' }, /not one Base64/],
    ['a signature of the wrong length', { 'fluent-signature': 'AAAA' }, /does not have the length/],
    ['two signatures', { 'fluent-signature': sha512(), 'x-fluent-signature': sha512() }, /more than one/],
  ])('refuses headers with %s before the body is read', (_case, headers, reason) => {
    expect(verifier.checkHeaders(headers, [account()])).toMatch(reason);
  });

  it('refuses a legacy signature that only a key of an account without legacy signatures could have made', () => {
    const accounts = [account(), account({ ...md5Allowed, webhookPublicKeys: [next.publicKey] })];
    const headers = { 'flex.signature': md5() };
    const reason = 'flex.signature does not have the length of any configured public key';
    expect(verifier.checkHeaders(headers, accounts)).toBe(reason);
    expect(verifier.verify(body, headers, accounts)).toEqual({ verified: false, reason });
  });

  it('reads the keys of the accounts once', () => {
    const { publicKey } = generateKeyPairSync('rsa', { modulusLength: 1024 });
    const read = vi.spyOn(publicKey, 'export');
    const accounts = [account({ webhookPublicKeys: [publicKey] })];
    for (let request = 0; request < 3; request++) {
      expect(verifier.verify(body, { 'fluent-signature': sha512() }, accounts).verified).toBe(false);
    }
    expect(read).toHaveBeenCalledTimes(1);
  });

  it('lets the body be read when a signature could be right', () => {
    expect(
      verifier.checkHeaders({ 'fluent-signature': sha512(stranger.privateKey) }, [account()]),
    ).toBeUndefined();
  });

  it('verifies each request by its own headers, whichever headers were checked before', () => {
    const accounts = [account()];
    const wrong = { 'fluent-signature': sha512(stranger.privateKey) };
    const right = { 'fluent-signature': sha512() };
    for (const headers of [wrong, right]) verifier.checkHeaders(headers, accounts);
    expect(verifier.verify(body, right, accounts)).toMatchObject({ verified: true });
    expect(verifier.verify(body, wrong, accounts)).toMatchObject({ verified: false });
    expect(verifier.verify(body, right, [account({ webhookPublicKeys: [next.publicKey] })])).toMatchObject({
      verified: false,
    });
  });

  it('verifies for the accounts that it is given, whichever accounts its headers were checked for before', () => {
    const headers = { 'flex.signature': md5() };
    const [strict, lenient] = [[account()], [account(md5Allowed)]];
    expect(verifier.checkHeaders(headers, lenient)).toBeUndefined();
    expect(verifier.verify(body, headers, strict)).toMatchObject({ verified: false });
    expect(verifier.checkHeaders(headers, strict)).toContain('does not allow');
    expect(verifier.verify(body, headers, lenient)).toMatchObject({ verified: true, accounts: lenient });
  });

  it('never throws, whatever the headers hold', () => {
    const odd = { 'fluent-signature': 42 } as unknown as IncomingHttpHeaders;
    expect(verify(odd)).toMatch(/more than one|not one/);
  });
});
