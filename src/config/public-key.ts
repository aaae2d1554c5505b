import { createPublicKey, type KeyObject } from 'node:crypto';

const PEM_START = '-----BEGIN';
const PEM_BLOCK = /-----BEGIN [^-]+-----[^-]*-----END [^-]+-----/g;
const BASE64 = /^[A-Za-z0-9+/\s]+={0,2}$/;

/**
 * @param text keys as PEM (also with `\n` written out on one line) or bare Base64, separated by commas.
 */
export function splitPublicKeys(text: string): string[] {
  return (
    text
      .replaceAll(String.raw`\n`, '\n')
      // Without this, only the first of two PEM blocks in one file would be read.
      .replaceAll(PEM_BLOCK, ',$&,')
      .split(',')
      .map((key) => key.trim())
      .filter((key) => key !== '')
  );
}

/** Fluent signs with RSA-1024. */
const MIN_MODULUS_BITS = 1024;
/** With e = 1, every sender can forge signatures; other small exponents have a history of attacks. */
const MIN_PUBLIC_EXPONENT = 65_537n;

/**
 * Reads one RSA public key.
 *
 * @param key PEM or bare Base64
 * @returns the key, or as text what is wrong with it, without its content.
 */
export function parsePublicKey(key: string): KeyObject | string {
  // Node would derive the public key, and the private key would stay in a place that does not protect it.
  if (key.includes('PRIVATE KEY-----')) return 'is a private key; give the public key instead';
  const unreadable = 'is neither PEM nor the Base64 of an X.509 SubjectPublicKeyInfo';
  const pem = key.startsWith(PEM_START);
  // Node's decoder ignores characters that are not Base64.
  if (!pem && !BASE64.test(key)) return unreadable;
  try {
    const der = Buffer.from(key, 'base64');
    const parsed = createPublicKey(pem ? key : { key: der, format: 'der', type: 'spki' });
    if (parsed.asymmetricKeyType !== 'rsa') return `is a key of type ${parsed.asymmetricKeyType}, not RSA`;
    if (!pem && der.length > parsed.export({ format: 'der', type: 'spki' }).length) {
      return 'continues after its end; separate keys by commas';
    }
    const { modulusLength = 0, publicExponent = 0n } = parsed.asymmetricKeyDetails ?? {};
    if (modulusLength < MIN_MODULUS_BITS) {
      return `has ${modulusLength} bits; at least ${MIN_MODULUS_BITS} are required`;
    }
    if (publicExponent < MIN_PUBLIC_EXPONENT) {
      return `has the public exponent ${publicExponent}; at least ${MIN_PUBLIC_EXPONENT} is required`;
    }
    return parsed;
  } catch {
    return unreadable;
  }
}
