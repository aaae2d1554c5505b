import type { IncomingHttpHeaders } from 'node:http';
import type { AccountConfig } from '../config/index.js';

/** The result of {@link SignatureVerifier.verify}. */
export type SignatureVerification =
  /** The accounts that the sender may speak for. The webhook must name one of them. */
  | { readonly verified: true; readonly accounts: readonly AccountConfig[] }
  /** The reason of the refusal, for the log only. */
  | { readonly verified: false; readonly reason: string };

/**
 * Verifies that a webhook comes from Fluent.
 *
 * Replace it when a gateway in front of the connector verifies signatures, and proves this in another way. The default is
 * {@link RsaSignatureVerifier}, configured by `FLUENT_WEBHOOK_PUBLIC_KEYS` or `webhookPublicKeys` of an account, and by
 * `FLUENT_ALLOW_MD5_SIGNATURE`. Override it in `ConnectorModule.register({ overrides })`.
 *
 * An override must fail closed: it returns a reason for a missing key, a missing signature, malformed Base64 and a repeated
 * header. It must compare secrets in constant time, and must not parse the body before it is verified.
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
 *
 * ConnectorModule.register({ overrides: [{ provide: SignatureVerifier, useClass: GatewayVerifier }] });
 */
export abstract class SignatureVerifier {
  /**
   * Checks the headers before the body is read, so that the body of an unsigned request is never read.
   *
   * @param accounts every configured account.
   * @returns undefined when the body may be read, else the reason, for the log only.
   */
  abstract checkHeaders(headers: IncomingHttpHeaders, accounts: readonly AccountConfig[]): string | undefined;

  /**
   * Verifies the body before it is parsed, when the account that it names is still unknown.
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
