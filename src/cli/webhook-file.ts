import { createPrivateKey, sign, type KeyObject } from 'node:crypto';
import type { CapturedRequest } from '../doctor/index.js';
import { type Console, UsageError } from './console.js';
import { readBytes } from './input-file.js';

/** More than any WEBHOOK_BODY_LIMIT that makes sense. */
export const MAX_WEBHOOK_BYTES = 16 * 1024 * 1024;
const MAX_KEY_BYTES = 64 * 1024;

/** Signs the bytes of a file as Fluent does. @throws UsageError when file or key cannot be used. */
export async function signFile(path: string, keyFile: string, console: Console): Promise<CapturedRequest> {
  const body = await readBytes(path, console.stdin, MAX_WEBHOOK_BYTES);
  const key = await readKey(keyFile, console);
  return {
    headers: {
      'content-type': 'application/json',
      'content-length': String(body.length),
      'fluent-signature': sign('RSA-SHA512', body, key).toString('base64'),
    },
    body,
  };
}

async function readKey(path: string, { stdin }: Console): Promise<KeyObject> {
  const pem = await readBytes(path, stdin, MAX_KEY_BYTES);
  try {
    const key = createPrivateKey(pem);
    if (key.asymmetricKeyType === 'rsa') return key;
  } catch {
    // Its message may quote the key.
  }
  throw new UsageError(`--key ${path} must be a file with an RSA private key in PEM, without a passphrase`);
}
