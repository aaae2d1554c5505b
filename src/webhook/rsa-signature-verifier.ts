import { verify, type KeyObject } from 'node:crypto';
import type { IncomingHttpHeaders } from 'node:http';
import { Injectable } from '@nestjs/common';
import type { AccountConfig } from '../config/index.js';
import { SignatureVerifier, type SignatureVerification } from './signature-verifier.js';

interface Scheme {
  readonly algorithm: string;
  /** Fluent's own header first, then the spellings that proxies and older accounts use. */
  readonly headers: readonly string[];
}

const SHA512: Scheme = {
  algorithm: 'RSA-SHA512',
  headers: ['fluent-signature', 'x-fluent-signature', 'fluent_signature'],
};
const MD5: Scheme = {
  algorithm: 'RSA-MD5',
  headers: ['flex.signature', 'flex-signature', 'flex_signature'],
};

/** The headers of each scheme, in order of preference. */
export const SIGNATURE_HEADERS = { sha512: SHA512.headers, md5: MD5.headers } as const;

/** A public key with every account that has it. Fluent signs with one key per region, so most accounts share one. */
interface AccountKey {
  readonly key: KeyObject;
  /** Of a signature made with the key. Node computes the details of a key whenever they are read. */
  readonly signatureBytes: number;
  readonly accounts: readonly AccountConfig[];
}

interface PresentedSignature {
  readonly scheme: Scheme;
  readonly signature: Buffer;
}

/**
 * Verifies Fluent's RSASSA-PKCS1-v1_5 signature over the raw body with each distinct public key of the configured
 * accounts. How long that takes does not depend on the account that the body names.
 */
@Injectable()
export class RsaSignatureVerifier extends SignatureVerifier {
  private readonly keys = new WeakMap<readonly AccountConfig[], readonly AccountKey[]>();

  checkHeaders(headers: IncomingHttpHeaders, accounts: readonly AccountConfig[]): string | undefined {
    const presented = this.presented(headers, accounts);
    return typeof presented === 'string' ? presented : undefined;
  }

  verify(
    rawBody: Buffer,
    headers: IncomingHttpHeaders,
    accounts: readonly AccountConfig[],
  ): SignatureVerification {
    const presented = this.presented(headers, accounts);
    if (typeof presented === 'string') return { verified: false, reason: presented };
    const { scheme, signature } = presented;
    const verified = this.candidates(presented, accounts)
      .filter(({ key }) => verify(scheme.algorithm, rawBody, key, signature))
      .flatMap((candidate) => candidate.accounts);
    if (verified.length > 0) return { verified: true, accounts: verified };
    return {
      verified: false,
      reason: `${scheme.headers[0]} does not match the body with any configured public key`,
    };
  }

  /** @returns the one signature of the request, or why it has none that any configured key could have made. */
  private presented(
    headers: IncomingHttpHeaders,
    accounts: readonly AccountConfig[],
  ): PresentedSignature | string {
    const sha512 = valuesOf(headers, SHA512);
    // A wrong strong signature fails, even when the weak one beside it is right.
    const scheme = sha512.length > 0 ? SHA512 : MD5;
    const [value, ...more] = sha512.length > 0 ? sha512 : valuesOf(headers, MD5);
    if (value === undefined) return 'no signature header';
    if (scheme === MD5 && !accounts.some(({ allowMd5Signature }) => allowMd5Signature)) {
      return 'only a legacy flex.signature, which FLUENT_ALLOW_MD5_SIGNATURE does not allow';
    }
    if (more.length > 0 || typeof value !== 'string') return `more than one ${scheme.headers[0]} header`;
    const signature = strictBase64(value);
    if (!signature) return `${scheme.headers[0]} is not one Base64 value`;
    const presented = { scheme, signature };
    if (this.candidates(presented, accounts).length > 0) return presented;
    return this.keysOf(accounts).length === 0
      ? 'no account has a usable RSA public key; check FLUENT_WEBHOOK_PUBLIC_KEYS'
      : `${scheme.headers[0]} does not have the length of any configured public key`;
  }

  /** The keys that could have made the signature, with the accounts that accept its scheme. */
  private candidates(
    { scheme, signature }: PresentedSignature,
    accounts: readonly AccountConfig[],
  ): readonly AccountKey[] {
    const keys = this.keysOf(accounts).filter(({ signatureBytes }) => signatureBytes === signature.length);
    if (scheme === SHA512) return keys;
    return keys
      .map((accountKey) => ({
        ...accountKey,
        accounts: accountKey.accounts.filter((account) => account.allowMd5Signature),
      }))
      .filter((candidate) => candidate.accounts.length > 0);
  }

  private keysOf(accounts: readonly AccountConfig[]): readonly AccountKey[] {
    let keys = this.keys.get(accounts);
    if (!keys) {
      keys = distinctKeys(accounts);
      this.keys.set(accounts, keys);
    }
    return keys;
  }
}

function distinctKeys(accounts: readonly AccountConfig[]): AccountKey[] {
  const byDer = new Map<string, { key: KeyObject; accounts: Set<AccountConfig> }>();
  for (const account of accounts) {
    for (const key of account.webhookPublicKeys) {
      const der = key.export({ type: 'spki', format: 'der' }).toString('base64');
      const known = byDer.get(der) ?? { key, accounts: new Set() };
      known.accounts.add(account);
      byDer.set(der, known);
    }
  }
  return [...byDer.values()].map(({ key, accounts: owners }) => ({
    key,
    signatureBytes: Math.ceil((key.asymmetricKeyDetails!.modulusLength ?? 0) / 8),
    accounts: [...owners],
  }));
}

function valuesOf(headers: IncomingHttpHeaders, { headers: names }: Scheme): unknown[] {
  const values: unknown[] = [];
  for (const name of names) {
    const value = headers[name];
    if (value !== undefined) values.push(value);
  }
  return values;
}

/** Node's decoder skips unknown characters, so it would accept repeated headers that are joined by a comma. */
function strictBase64(text: string): Buffer | undefined {
  const bytes = Buffer.from(text, 'base64');
  return bytes.length > 0 && bytes.toString('base64') === text ? bytes : undefined;
}
