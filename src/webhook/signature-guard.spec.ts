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
    account: (id: string) => accounts.find((account) => account.id === id),
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

  function statusOf(body: string, { privateKey = acme!.privateKey, subject = guard() } = {}): number {
    const rawBody = Buffer.from(body);
    const signature = sign('RSA-SHA512', rawBody, privateKey).toString('base64');
    const request = { rawBody, headers: { 'fluent-signature': signature }, raw: { socket: {} } };
    const context = { switchToHttp: () => ({ getRequest: () => request }) } as unknown as ExecutionContext;
    try {
      return subject.canActivate(context) ? 200 : 0;
    } catch (error) {
      if (error instanceof Problem) return error.getStatus();
      throw error;
    }
  }

  const webhook = JSON.stringify({ accountId: 'ACME', retailerId: '1' });

  it('accepts a body that is signed with a key of the account that it names, and trusts the connection', () => {
    expect(statusOf(webhook)).toBe(200);
    expect(trust).toHaveBeenCalledTimes(1);
  });

  it('refuses a body that is signed with a key of another account', () => {
    expect(statusOf(webhook, { privateKey: globex!.privateKey })).toBe(401);
  });

  it.each(['{', webhook, `[${'{"0":0},'.repeat(1000)}{}]`])(
    'parses nothing of an unsigned body and does not trust its connection',
    (body) => {
      expect(statusOf(body, { privateKey: stranger!.privateKey })).toBe(401);
      expect(parse).not.toHaveBeenCalled();
      expect(trust).not.toHaveBeenCalled();
    },
  );

  it.each(['{', '[]', 'null', '"text"'])('answers 400 to the signed body %s', (body) => {
    expect(statusOf(body)).toBe(400);
  });

  it.each([
    ['another account', { accountId: 'INITECH', retailerId: '1' }],
    ['another retailer', { accountId: 'ACME', retailerId: '2' }],
  ])('answers 401 to a signed body of %s', (_case, body) => {
    expect(statusOf(JSON.stringify(body))).toBe(401);
  });

  it.each<[string, () => unknown]>([
    [
      'throws',
      () => {
        throw new Error('broken');
      },
    ],
    ['returns true', () => true],
    ['returns undefined', () => undefined],
    ['returns an object without accounts', () => ({ verified: true })],
  ])('refuses every webhook when a replaced verifier %s', (_case, answer) => {
    class Verifier extends SignatureVerifier {
      checkHeaders = (): undefined => undefined;
      verify = (): SignatureVerification => answer() as SignatureVerification;
    }
    expect(statusOf(webhook, { subject: guard(new Verifier()) })).toBe(401);
  });
});
