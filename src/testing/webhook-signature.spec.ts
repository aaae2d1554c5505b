import { createPrivateKey, createPublicKey, verify } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { generateWebhookKeys, signWebhook } from './webhook-signature.js';

const keys = generateWebhookKeys();
const publicKey = createPublicKey({
  key: Buffer.from(keys.publicKey, 'base64'),
  format: 'der',
  type: 'spki',
});

function isSigned(algorithm: 'sha512' | 'md5', body: string | Buffer, signature: string): boolean {
  return verify(algorithm, Buffer.from(body), publicKey, Buffer.from(signature, 'base64'));
}

describe('signWebhook', () => {
  it('signs the exact bytes with SHA512withRSA and MD5withRSA', () => {
    const body = '{"price": 1.0, "name":"\\u00e9é"}\n';
    const headers = signWebhook(body, keys.privateKey);
    expect(isSigned('sha512', body, headers['fluent-signature'])).toBe(true);
    expect(isSigned('md5', body, headers['flex.signature'])).toBe(true);
    const reserialised = JSON.stringify(JSON.parse(body));
    expect(isSigned('sha512', reserialised, headers['fluent-signature'])).toBe(false);
  });

  it('gives the same for text and bytes, for PEM and a key object', () => {
    const body = 'é';
    expect(signWebhook(Buffer.from(body), createPrivateKey(keys.privateKey))).toEqual(
      signWebhook(body, keys.privateKey),
    );
  });
});

describe('generateWebhookKeys', () => {
  it('makes RSA-1024 pairs, the public half as Base64 without armour', () => {
    expect(publicKey.asymmetricKeyDetails?.modulusLength).toBe(1024);
    expect(keys.publicKey).toMatch(/^[A-Za-z0-9+/]+=*$/);
    expect(generateWebhookKeys().publicKey).not.toBe(keys.publicKey);
  });
});
