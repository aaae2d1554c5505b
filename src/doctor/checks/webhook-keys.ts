import { createHash, type KeyObject } from 'node:crypto';
import { type Check, pass, skip, warn } from '../finding.js';

/** A key that is malformed or too weak makes the configuration invalid, so these are well-formed. */
export const webhookKeysCheck: Check = {
  name: 'webhook-keys',
  async *run({ config }) {
    for (const { id, webhookPublicKeys, allowMd5Signature } of config.accounts) {
      const subject = `webhook keys of account ${id}`;
      yield webhookPublicKeys.length > 0
        ? pass(subject, webhookPublicKeys.map(describe).join(', '))
        : skip(subject, 'no RSA key is configured');
      if (allowMd5Signature) {
        yield warn(
          subject,
          'MD5 signatures are accepted, which attackers can forge with effort',
          'set FLUENT_ALLOW_MD5_SIGNATURE=false when Fluent sends fluent-signature',
        );
      }
    }
  },
};

/** The fingerprint tells keys apart; compare it with `openssl pkey -pubin -outform DER | sha256sum`. */
function describe(key: KeyObject): string {
  const der = key.export({ type: 'spki', format: 'der' });
  const fingerprint = createHash('sha256').update(der).digest('hex').slice(0, 16);
  return `RSA ${key.asymmetricKeyDetails?.modulusLength ?? '?'} bits, SHA-256 ${fingerprint}…`;
}
