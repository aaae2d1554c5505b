import type { IncomingHttpHeaders } from 'node:http';
import type { AccountConfig } from '../config/index.js';

/**
 * Proves that a webhook comes from Fluent.
 *
 * Replace it when a gateway in front of the connector verifies signatures and vouches in another way.
 * The default is {@link RsaSignatureVerifier}.
 */
export abstract class SignatureVerifier {
  /**
   * Fails closed: anything odd (no key, no signature, malformed Base64, a repeated header) is a reason,
   * never an exception and never a pass.
   *
   * @param rawBody the bytes as they were received.
   * @returns undefined when the signature is right, else the reason, for the log only.
   */
  abstract verify(rawBody: Buffer, headers: IncomingHttpHeaders, account: AccountConfig): string | undefined;
}
