import { constants, createHash, publicDecrypt, verify, type KeyObject } from 'node:crypto';
import type { AccountConfig } from '../../config/index.js';
import { SIGNATURE_HEADERS } from '../../webhook/index.js';
import type { CapturedRequest } from './captured-request.js';

/** Why a signature was refused, and what to change. */
export interface Explanation {
  readonly message: string;
  readonly advice: string;
}

/** What a signature holds before the digest (RFC 8017, section 9.2). */
const ALGORITHMS: readonly (readonly [name: string, prefix: string])[] = [
  ['sha512', '3051300d060960864801650304020305000440'],
  ['sha256', '3031300d060960864801650304020105000420'],
  ['sha1', '3021300906052b0e03021a05000414'],
  ['md5', '3020300c06082a864886f70d020505000410'],
];

/** Pure: explains why {@link RsaSignatureVerifier} refuses a request. */
export function explainSignature(
  { headers, body }: CapturedRequest,
  accounts: readonly AccountConfig[],
): Explanation {
  const strong = SIGNATURE_HEADERS.sha512.find((name) => headers[name] !== undefined);
  const weak = SIGNATURE_HEADERS.md5.find((name) => headers[name] !== undefined);
  const header = strong ?? weak;
  if (header === undefined) return noHeader(headers);
  const signature = Buffer.from(headers[header] ?? '', 'base64');
  if (signature.length === 0 || signature.toString('base64') !== headers[header]) {
    return {
      message: `${header} is not one Base64 value`,
      advice: 'a proxy may have changed or repeated the header; send it as Fluent does',
    };
  }
  const keys = accounts.flatMap(({ id, webhookPublicKeys }) => webhookPublicKeys.map((key) => ({ id, key })));
  if (strong === undefined && keys.some(({ key }) => isSignedWithMd5(body, key, signature))) {
    return {
      message: `${header} is right, and is an MD5 signature, which FLUENT_ALLOW_MD5_SIGNATURE does not allow`,
      advice: 'let Fluent send fluent-signature (SHA-512), or set FLUENT_ALLOW_MD5_SIGNATURE=true meanwhile',
    };
  }
  for (const { id, key } of keys) {
    const signed = signedDigest(key, signature);
    if (signed) return changedBody(signed, body, id, strong === undefined ? 'md5' : 'sha512');
  }
  return {
    message: `none of the ${keys.length} configured public keys has made ${header}`,
    advice:
      'put the public key of the Fluent region and environment that sent the request into FLUENT_WEBHOOK_PUBLIC_KEYS',
  };
}

function noHeader(headers: CapturedRequest['headers']): Explanation {
  const similar = Object.keys(headers).filter((name) => name.includes('sign'));
  return {
    message: `no signature header${similar.length > 0 ? `, but ${similar.join(', ')}` : ''}`,
    advice:
      'let the proxy pass fluent-signature unchanged. nginx drops flex.signature because of its dot, unless ignore_invalid_headers is off',
  };
}

/** What a key has signed, or undefined when another key has made the signature. */
function signedDigest(key: KeyObject, signature: Buffer): { algorithm: string; digest: string } | undefined {
  let recovered: string;
  try {
    recovered = publicDecrypt({ key, padding: constants.RSA_PKCS1_PADDING }, signature).toString('hex');
  } catch {
    return undefined;
  }
  const found = ALGORITHMS.find(([, prefix]) => recovered.startsWith(prefix));
  return found && { algorithm: found[0], digest: recovered.slice(found[1].length) };
}

function isSignedWithMd5(body: Buffer, key: KeyObject, signature: Buffer): boolean {
  try {
    return verify('RSA-MD5', body, key, signature);
  } catch {
    // The provider of OpenSSL may forbid MD5.
    return false;
  }
}

function changedBody(
  { algorithm, digest }: { algorithm: string; digest: string },
  body: Buffer,
  accountId: string,
  expected: string,
): Explanation {
  if (algorithm !== expected) {
    return {
      message: `the key of account ${accountId} has signed with ${algorithm}, and this header is for ${expected}`,
      advice: 'send the signature in the header that Fluent uses for it',
    };
  }
  const digestOf = (bytes: Buffer): string => createHash(algorithm).update(bytes).digest('hex');
  const original = variantsOf(body).find(([, bytes]) => digestOf(bytes) === digest);
  return {
    message:
      `the key of account ${accountId} has signed another body than this one` +
      (original ? `: the signed body is ${original[0]}` : ''),
    advice: original
      ? 'something between Fluent and here has rewritten the body; pass it on byte by byte'
      : 'pass the body on byte by byte; compare its length with Content-Length, as the capture may be incomplete',
  };
}

/** What the body may have been before something rewrote it. */
function variantsOf(body: Buffer): readonly (readonly [description: string, bytes: Buffer])[] {
  const text = body.toString('utf8');
  const variants: [string, string][] = [
    ['this one without the line break at its end', text.replace(/\r?\n$/, '')],
    ['this one with a line break at its end', `${text}\n`],
    ['this one with CRLF as line breaks', text.replaceAll(/\r?\n/g, '\r\n')],
    ['this one with LF as line breaks', text.replaceAll('\r\n', '\n')],
  ];
  try {
    const value: unknown = JSON.parse(text);
    const compact = JSON.stringify(value);
    variants.push(
      ['compact JSON', compact],
      ['compact JSON with escaped non-ASCII characters', escapeNonAscii(compact)],
      ['JSON indented by 2 spaces', JSON.stringify(value, undefined, 2)],
      ['JSON indented by 4 spaces', JSON.stringify(value, undefined, 4)],
      ['JSON with a space after each colon and comma', spaced(value)],
    );
  } catch {
    // It is not JSON, so no program has parsed and rewritten it.
  }
  return [
    ...variants.map(([name, each]) => [name, Buffer.from(each)] as const),
    ['this one in Latin-1', Buffer.from(text, 'latin1')],
  ];
}

function escapeNonAscii(json: string): string {
  return json.replaceAll(
    /[\u0080-\uffff]/g,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}

/** As Python's `json.dumps` writes it. */
function spaced(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(spaced).join(', ')}]`;
  if (typeof value !== 'object' || value === null) return JSON.stringify(value);
  return `{${Object.entries(value)
    .map(([name, each]) => `${JSON.stringify(name)}: ${spaced(each)}`)
    .join(', ')}}`;
}
