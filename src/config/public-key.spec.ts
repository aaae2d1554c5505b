import { KeyObject, generateKeyPairSync } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { parsePublicKey, splitPublicKeys } from './public-key.js';

const rsa = generateKeyPairSync('rsa', { modulusLength: 1024 });
const elliptic = generateKeyPairSync('ec', { namedCurve: 'P-256' });
const der = (key: KeyObject): Buffer => key.export({ type: 'spki', format: 'der' });
const bare = der(rsa.publicKey).toString('base64');
const pem = rsa.publicKey.export({ type: 'spki', format: 'pem' }).toString();

describe('parsePublicKey', () => {
  it.each([
    ['bare Base64', bare],
    ['PEM', pem],
    ['PEM on one line with \\n escapes', splitPublicKeys(pem.replaceAll('\n', '\\n'))[0]!],
  ])('reads a key in %s', (_, text) => {
    const key = parsePublicKey(text);
    expect(key).toBeInstanceOf(KeyObject);
    expect((key as KeyObject).equals(rsa.publicKey)).toBe(true);
  });

  it.each([
    ['text that is not a key', 'AAAA', 'is neither PEM nor the Base64 of an X.509 SubjectPublicKeyInfo'],
    ['characters that are not Base64', `${bare}!`, 'is neither PEM nor'],
    ['an elliptic key', der(elliptic.publicKey).toString('base64'), 'is a key of type ec, not RSA'],
    [
      'a private key',
      rsa.privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
      'is a private key; give the public key instead',
    ],
    [
      'two keys without a comma between them',
      Buffer.concat([der(rsa.publicKey), der(rsa.publicKey)]).toString('base64'),
      'continues after its end; separate keys by commas',
    ],
  ])('refuses %s', (_, text, problem) => {
    expect(parsePublicKey(text)).toContain(problem);
  });
});
