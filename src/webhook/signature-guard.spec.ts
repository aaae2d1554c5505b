import { generateKeyPairSync, sign, type KeyObject } from 'node:crypto';
import type { ExecutionContext } from '@nestjs/common';
import { beforeEach, describe, expect, it, vi } from 'vitest';
import type { AccountConfig, ConnectorConfig } from '../config/index.js';
import { Problem, type ConnectionLimiter } from '../http/index.js';
import { RsaSignatureVerifier } from './rsa-signature-verifier.js';
import { SignatureGuard } from './signature-guard.js';
import { SignatureVerifier, type SignatureVerification } from './signature-verifier.js';

describe('SignatureGuard', () => {
  const [acme, globex, stranger] = [1, 2, 3].map(() => generateKeyPairSync('rsa', { modulusLength: 1024 }));
  const accountWith = (id: string, key: KeyObject): AccountConfig =>
    ({
      id,
      webhookPublicKeys: [key],
      allowMd5Signature: false,
    }) as unknown as AccountConfig;
  const accounts = [accountWith('ACME', acme!.publicKey), accountWith('GLOBEX', globex!.publicKey)];
  const config = {
    accounts,
    // A list of one id must not pass for the id.
    account: (id: unknown) => accounts.find((account) => account.id === String(id)),
    scope: (_id: string, retailerId: string) => (retailerId === '1' ? {} : undefined),
  } as unknown as ConnectorConfig;
  const trust = vi.fn<() => void>();
  const parse = vi.spyOn(JSON, 'parse');

  beforeEach(() => {
    trust.mockClear();
    parse.mockClear();
  });

  function guard(verifier: SignatureVerifier = new RsaSignatureVerifier()): SignatureGuard {
    return new SignatureGuard(config, verifier, { trust } as unknown as ConnectionLimiter);
  }

  interface Sent {
    readonly privateKey?: KeyObject;
    readonly subject?: SignatureGuard;
  }

  /** @returns the problem with which a body is refused, or undefined when it is accepted. */
  function problemOf(
    body: string | undefined,
    { privateKey = acme!.privateKey, subject = guard() }: Sent = {},
  ): Problem | undefined {
    const rawBody = body === undefined ? undefined : Buffer.from(body);
    const signature = rawBody && sign('RSA-SHA512', rawBody, privateKey).toString('base64');
    const request = { rawBody, headers: { 'fluent-signature': signature }, raw: { socket: {} } };
    const context = { switchToHttp: () => ({ getRequest: () => request }) } as unknown as ExecutionContext;
    try {
      expect(subject.canActivate(context)).toBe(true);
      return undefined;
    } catch (error) {
      if (error instanceof Problem) return error;
      throw error;
    }
  }
  const statusOf = (body: string, sent?: Sent): number => problemOf(body, sent)?.getStatus() ?? 200;

  const webhook = JSON.stringify({ accountId: 'ACME', retailerId: '1' });

  it('accepts a body that is signed with a key of the account that it names, and trusts the connection', () => {
    expect(statusOf(webhook)).toBe(200);
    expect(trust).toHaveBeenCalledTimes(1);
  });

  it('refuses a body that is signed with a key of another account', () => {
    const problem = problemOf(webhook, { privateKey: globex!.privateKey });
    expect([problem?.getStatus(), problem?.reason]).toEqual([
      401,
      'the signature matches only public keys of other accounts; check FLUENT_WEBHOOK_PUBLIC_KEYS',
    ]);
  });

  it('accepts a key that several accounts share for each of them', () => {
    class Shared extends SignatureVerifier {
      checkHeaders = (): undefined => undefined;
      verify = (): SignatureVerification => ({ verified: true, accounts });
    }
    for (const accountId of ['ACME', 'GLOBEX']) {
      const body = JSON.stringify({ accountId, retailerId: '1' });
      expect(statusOf(body, { subject: guard(new Shared()) })).toBe(200);
    }
  });

  it('answers 415 to a request whose body was not read as JSON', () => {
    const problem = problemOf(undefined);
    expect([problem?.getStatus(), problem?.detail]).toEqual([
      415,
      'send the notification as application/json',
    ]);
  });

  it.each([undefined, '', '  ', 7])(
    'leaves the retailer id %j to the contract check, which says what is wrong with it',
    (retailerId) => {
      expect(statusOf(JSON.stringify({ accountId: 'ACME', retailerId }))).toBe(200);
    },
  );

  it.each(['{', webhook, `[${'{"0":0},'.repeat(1000)}{}]`])(
    'parses nothing of an unsigned body and does not trust its connection',
    (body) => {
      expect(statusOf(body, { privateKey: stranger!.privateKey })).toBe(401);
      expect(parse).not.toHaveBeenCalled();
      expect(trust).not.toHaveBeenCalled();
    },
  );

  it.each([
    ['{', /^the body is not JSON/],
    ['[]', /^the body is not a JSON object$/],
    ['null', /^the body is not a JSON object$/],
    ['"text"', /^the body is not a JSON object$/],
  ])('answers 400 to the signed body %s', (body, detail) => {
    const problem = problemOf(body);
    expect(problem?.getStatus()).toBe(400);
    expect(problem?.detail).toMatch(detail);
  });

  it.each([
    ['another account', { accountId: 'INITECH', retailerId: '1' }, 'the account is not configured'],
    ['a list of accounts', { accountId: ['ACME'], retailerId: '1' }, 'the account is not configured'],
    [
      'another retailer',
      { accountId: 'ACME', retailerId: '2' },
      'the retailer is not configured for the account; check FLUENT_RETAILER_IDS',
    ],
  ])('answers 401 to a signed body of %s, and gives the reason only to the log', (_case, body, reason) => {
    const problem = problemOf(JSON.stringify(body));
    expect([problem?.getStatus(), problem?.detail, problem?.reason]).toEqual([
      401,
      'the request is not signed by a configured account',
      reason,
    ]);
  });

  const INVALID =
    'Verifier.verify() returned neither { verified: true, accounts } nor { verified: false, reason }';

  it.each<[string, () => unknown, string]>([
    [
      'throws',
      () => {
        throw new Error('broken');
      },
      'Verifier.verify() failed: Error: broken',
    ],
    ['refuses', () => ({ verified: false, reason: 'a reason' }), 'a reason'],
    ['returns true', () => true, INVALID],
    ['returns undefined', () => undefined, INVALID],
    ['returns null', () => null, INVALID],
    ['returns an object that is not a verification', () => ({ accounts }), INVALID],
    ['returns no accounts', () => ({ verified: true }), INVALID],
    ['returns accounts that are not a list', () => ({ verified: true, accounts: {} }), INVALID],
    ['returns text for a verdict', () => ({ verified: 'true', accounts, reason: 'x' }), INVALID],
    ['gives no reason', () => ({ verified: false }), INVALID],
    ['gives a reason that is not text', () => ({ verified: false, reason: 7 }), INVALID],
  ])('refuses every webhook when a replaced verifier %s', (_case, answer, reason) => {
    class Verifier extends SignatureVerifier {
      checkHeaders = (): undefined => undefined;
      verify = (): SignatureVerification => answer() as SignatureVerification;
    }
    const problem = problemOf(webhook, { subject: guard(new Verifier()) });
    expect([problem?.getStatus(), problem?.reason]).toEqual([401, reason]);
    expect(trust).not.toHaveBeenCalled();
  });
});
