import { createPublicKey, verify, type KeyObject } from 'node:crypto';
import type { IncomingHttpHeaders } from 'node:http';
import { Injectable } from '@nestjs/common';
import type { AccountConfig } from '../config/index.js';
import { SignatureVerifier } from './signature-verifier.js';

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

/**
 * Verifies Fluent's RSASSA-PKCS1-v1_5 signature over the raw body with the account's public keys; one
 * of them must match. There is no minimum key size: Fluent signs with RSA-1024.
 */
@Injectable()
export class RsaSignatureVerifier extends SignatureVerifier {
  /** Parsing a key costs more than verifying with it, so each key is parsed once. */
  private readonly keys = new WeakMap<AccountConfig, readonly KeyObject[]>();

  verify(rawBody: Buffer, headers: IncomingHttpHeaders, account: AccountConfig): string | undefined {
    try {
      const sha512 = valuesOf(headers, SHA512);
      // A wrong strong signature fails, even when the weak one beside it is right.
      if (sha512.length > 0) return this.check(rawBody, sha512, SHA512, account);
      const md5 = valuesOf(headers, MD5);
      if (md5.length === 0) return 'no signature header';
      if (!account.allowMd5Signature) {
        return 'only a legacy flex.signature, which FLUENT_ALLOW_MD5_SIGNATURE does not allow';
      }
      return this.check(rawBody, md5, MD5, account);
    } catch (error) {
      return `signature could not be checked: ${error instanceof Error ? error.message : 'unknown error'}`;
    }
  }

  private check(
    rawBody: Buffer,
    values: readonly unknown[],
    { algorithm, headers }: Scheme,
    account: AccountConfig,
  ): string | undefined {
    const [value] = values;
    if (values.length > 1 || typeof value !== 'string') return `more than one ${headers[0]} header`;
    const signature = strictBase64(value);
    if (!signature) return `${headers[0]} is not one Base64 value`;
    const keys = this.keysOf(account);
    if (keys.length === 0)
      return 'the account has no usable RSA public key; check FLUENT_WEBHOOK_PUBLIC_KEYS';
    if (keys.some((key) => verify(algorithm, rawBody, key, signature))) return undefined;
    return `${headers[0]} does not match the body with any public key of the account`;
  }

  private keysOf(account: AccountConfig): readonly KeyObject[] {
    let keys = this.keys.get(account);
    if (!keys) {
      keys = account.webhookPublicKeys.flatMap((text) => rsaPublicKey(text) ?? []);
      this.keys.set(account, keys);
    }
    return keys;
  }
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

/** @returns undefined when the text is not an RSA public key. */
function rsaPublicKey(text: string): KeyObject | undefined {
  try {
    const unescaped = text.replaceAll('\\n', '\n').trim();
    const key = unescaped.startsWith('-----')
      ? createPublicKey(unescaped)
      : createPublicKey({ key: Buffer.from(unescaped, 'base64'), format: 'der', type: 'spki' });
    return key.asymmetricKeyType === 'rsa' ? key : undefined;
  } catch {
    return undefined;
  }
}
