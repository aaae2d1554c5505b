import { createPublicKey } from 'node:crypto';

const PEM_START = '-----BEGIN';

/**
 * @param text keys as PEM (also with `\n` written out on one line) or bare Base64, separated by commas.
 */
export function splitPublicKeys(text: string): string[] {
  return text
    .split(',')
    .map((key) => key.trim().replaceAll(String.raw`\n`, '\n'))
    .filter((key) => key !== '');
}

/** @returns what is wrong with an RSA public key, or undefined. RSA-1024 is what Fluent uses. */
export function publicKeyProblem(key: string): string | undefined {
  try {
    const parsed = key.startsWith(PEM_START)
      ? createPublicKey(key)
      : createPublicKey({ key: Buffer.from(key, 'base64'), format: 'der', type: 'spki' });
    return parsed.asymmetricKeyType === 'rsa'
      ? undefined
      : `is a key of type ${parsed.asymmetricKeyType}, not RSA`;
  } catch {
    return 'is neither PEM nor the Base64 of an X.509 SubjectPublicKeyInfo';
  }
}
