import type { IncomingHttpHeaders } from 'node:http';
import type { AccountConfig } from '../config/index.js';

/**
 * Verifies that a webhook comes from Fluent.
 *
 * Replace it when a gateway in front of the connector verifies signatures and proves that in another way.
 * The default is {@link RsaSignatureVerifier}.
 */
export abstract class SignatureVerifier {
  /**
   * Must fail closed: a missing key, a missing signature, malformed Base64 and a repeated header are reasons to
   * refuse the webhook, not exceptions.
   *
   * @param rawBody the bytes as they were received.
   * @returns undefined when the signature is valid, else the reason, for the log only.
   */
  abstract verify(rawBody: Buffer, headers: IncomingHttpHeaders, account: AccountConfig): string | undefined;
}
