import { Injectable, type CanActivate, type ExecutionContext } from '@nestjs/common';
import { asConnectorError, invalidReturn } from '../call-override.js';
import { ConnectorConfig } from '../config/index.js';
import { ConnectionLimiter, parseJson, Problem, type JsonRequest } from '../http/index.js';
import { SignatureVerifier, type SignatureVerification } from './signature-verifier.js';

/**
 * Accepts only signed bodies of configured accounts and retailers. It verifies the raw bytes before they are parsed,
 * so that the body of an unknown sender is never interpreted.
 */
@Injectable()
export class SignatureGuard implements CanActivate {
  constructor(
    private readonly config: ConnectorConfig,
    private readonly verifier: SignatureVerifier,
    private readonly connections: ConnectionLimiter,
  ) {}

  /** @throws Problem 400 when a signed body is not a JSON object, the same 401 for every other reason. */
  canActivate(context: ExecutionContext): boolean {
    const request = context.switchToHttp().getRequest<JsonRequest>();
    const { rawBody } = request;
    if (!rawBody) throw new Problem(415, { detail: 'send the notification as application/json' });
    const verification = this.verify(request, rawBody);
    if (!verification.verified) throw unauthorized(verification.reason);
    this.connections.trust(request.raw.socket);

    const body = parseJson(rawBody, 'the body');
    if (typeof body !== 'object' || body === null || Array.isArray(body)) {
      throw new Problem(400, { detail: 'the body is not a JSON object' });
    }
    request.body = body;
    const { accountId, retailerId } = body as Record<string, unknown>;
    const account = typeof accountId === 'string' ? this.config.account(accountId) : undefined;
    if (!account) throw unauthorized('the account is not configured');
    if (!verification.accounts.some(({ id }) => id === account.id)) {
      throw unauthorized(
        'the signature matches only public keys of other accounts; check FLUENT_WEBHOOK_PUBLIC_KEYS',
      );
    }
    // The contract check, which comes next, reports a retailer id that is missing or blank.
    const named = typeof retailerId === 'string' && retailerId.trim() !== '';
    if (named && !this.config.scope(account.id, retailerId)) {
      throw unauthorized('the retailer is not configured for the account; check FLUENT_RETAILER_IDS');
    }
    return true;
  }

  /** Fails closed when a partner's verifier throws or returns anything but a verification. */
  private verify({ headers }: JsonRequest, rawBody: Buffer): SignatureVerification {
    try {
      const verification: unknown = this.verifier.verify(rawBody, headers, this.config.accounts);
      if (isVerification(verification)) return verification;
      throw invalidReturn(
        this.verifier,
        'verify',
        'neither { verified: true, accounts } nor { verified: false, reason }',
      );
    } catch (error) {
      return { verified: false, reason: asConnectorError(this.verifier, 'verify', error).message };
    }
  }
}

function isVerification(value: unknown): value is SignatureVerification {
  if (typeof value !== 'object' || value === null || !('verified' in value)) return false;
  if (value.verified === true) return 'accounts' in value && Array.isArray(value.accounts);
  return value.verified === false && 'reason' in value && typeof value.reason === 'string';
}

/** @returns the same response for every reason; only the log says which one it was. */
export function unauthorized(reason: string): Problem {
  return new Problem(401, { detail: 'the request is not signed by a configured account', reason });
}
