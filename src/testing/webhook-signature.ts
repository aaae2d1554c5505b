import { type KeyObject, createPrivateKey, generateKeyPairSync, sign } from 'node:crypto';

/** The two headers that every Fluent webhook carries. */
export interface WebhookSignatureHeaders {
  /** SHA512withRSA over the body, Base64. */
  readonly 'fluent-signature': string;
  /** MD5withRSA over the body, Base64; the legacy scheme. */
  readonly 'flex.signature': string;
}

/** A key pair as Fluent uses it: the private half signs, the public half is what an operator configures. */
export interface WebhookKeys {
  /** PKCS #8 PEM. */
  readonly privateKey: string;
  /** SubjectPublicKeyInfo in DER, Base64 without PEM armour: a value for `FLUENT_WEBHOOK_PUBLIC_KEYS`. */
  readonly publicKey: string;
}

/**
 * Signs a webhook body the way Fluent does (RSASSA-PKCS1-v1_5 over exactly these bytes).
 *
 * @param body the bytes that will be sent; a string counts as UTF-8.
 * @param privateKey PEM or a key object; hand in a key object when signing often, PEM is parsed each time.
 * @example
 * const body = JSON.stringify(notification);
 * await fetch(url, { method: 'POST', body, headers: { 'content-type': 'application/json', ...signWebhook(body, key) } });
 */
export function signWebhook(body: string | Buffer, privateKey: KeyObject | string): WebhookSignatureHeaders {
  const bytes = typeof body === 'string' ? Buffer.from(body) : body;
  const key = typeof privateKey === 'string' ? createPrivateKey(privateKey) : privateKey;
  return {
    'fluent-signature': sign('sha512', bytes, key).toString('base64'),
    'flex.signature': sign('md5', bytes, key).toString('base64'),
  };
}

/** @returns a fresh RSA-1024 pair: the size that Fluent uses in the field. */
export function generateWebhookKeys(): WebhookKeys {
  const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength: 1024 });
  return {
    privateKey: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
    publicKey: publicKey.export({ type: 'spki', format: 'der' }).toString('base64'),
  };
}
