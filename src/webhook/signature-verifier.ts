import type { IncomingHttpHeaders } from 'node:http';
import type { AccountConfig } from '../config/index.js';

/** The result of {@link SignatureVerifier.verify}. */
export type SignatureVerification =
  /** The accounts that the sender may speak for. The webhook must name one of them. */
  | { readonly verified: true; readonly accounts: readonly AccountConfig[] }
  /** Why the webhook is refused, for the log only. */
  | { readonly verified: false; readonly reason: string };

/**
 * Verifies that a webhook comes from Fluent.
 *
 * Replace it when a gateway in front of the connector verifies signatures and proves that in another way.
 * The default is {@link RsaSignatureVerifier}. An override must fail closed: a missing key, a missing signature,
 * malformed Base64 and a repeated header are reasons to refuse the webhook, not exceptions.
 *
 * @example
 * class GatewayVerifier extends SignatureVerifier {
 *   checkHeaders(headers: IncomingHttpHeaders) {
 *     return headers['x-gateway-token'] === undefined ? 'no X-Gateway-Token' : undefined;
 *   }
 *   verify(rawBody: Buffer, headers: IncomingHttpHeaders, accounts: readonly AccountConfig[]) {
 *     return isFromGateway(headers, rawBody)
 *       ? { verified: true as const, accounts }
 *       : { verified: false as const, reason: 'X-Gateway-Token is wrong' };
 *   }
 * }
 */
export abstract class SignatureVerifier {
  /**
   * Checks the headers before the body is read, so that a sender without a signature costs nothing.
   *
   * @param accounts every configured account.
   * @returns undefined when the body may be read, else the reason, for the log only.
   */
  abstract checkHeaders(headers: IncomingHttpHeaders, accounts: readonly AccountConfig[]): string | undefined;

  /**
   * Verifies the body before it is parsed: which account it names is not known yet.
   *
   * @param rawBody the bytes as they were received.
   * @param accounts every configured account.
   */
  abstract verify(
    rawBody: Buffer,
    headers: IncomingHttpHeaders,
    accounts: readonly AccountConfig[],
  ): SignatureVerification;
}
