import type { IncomingHttpHeaders } from 'node:http';
import { Injectable, type CanActivate, type ExecutionContext } from '@nestjs/common';
import { ConnectorConfig, type AccountConfig } from '../config/index.js';
import { asConnectorError, invalidReturn } from '../call-override.js';
import { Problem, type JsonRequest } from '../http/index.js';
import { SignatureVerifier } from './signature-verifier.js';

/**
 * Accepts only signed bodies of configured accounts and retailers. It runs before the contract is checked, so that
 * an unsigned request reveals nothing about the contract or the configuration.
 */
@Injectable()
export class SignatureGuard implements CanActivate {
  constructor(
    private readonly config: ConnectorConfig,
    private readonly verifier: SignatureVerifier,
  ) {}

  /** @throws Problem 400 or 415 when the body is not a JSON object, the same 401 for every other reason. */
  canActivate(context: ExecutionContext): boolean {
    const { body, rawBody, headers } = context.switchToHttp().getRequest<JsonRequest>();
    if (!rawBody) throw new Problem(415, { detail: 'send the notification as application/json' });
    if (typeof body !== 'object' || body === null || Array.isArray(body)) {
      throw new Problem(400, { detail: 'the body is not a JSON object' });
    }
    const { accountId, retailerId } = body as Record<string, unknown>;
    const account = typeof accountId === 'string' ? this.config.account(accountId) : undefined;
    if (!account) throw unauthorized('the account is not configured');
    const reason = this.rejectionReason(rawBody, headers, account);
    if (reason !== undefined) throw unauthorized(reason);
    // The contract check, which comes next, reports a retailer id that is missing or blank.
    const named = typeof retailerId === 'string' && retailerId.trim() !== '';
    if (named && !this.config.scope(account.id, retailerId)) {
      throw unauthorized('the retailer is not configured for the account; check FLUENT_RETAILER_IDS');
    }
    return true;
  }

  /** Fails closed when a partner's verifier throws or returns anything but `undefined` or a reason. */
  private rejectionReason(
    rawBody: Buffer,
    headers: IncomingHttpHeaders,
    account: AccountConfig,
  ): string | undefined {
    try {
      const reason: unknown = this.verifier.verify(rawBody, headers, account);
      if (reason === undefined || typeof reason === 'string') return reason;
      throw invalidReturn(this.verifier, 'verify', 'neither undefined nor a reason');
    } catch (error) {
      return asConnectorError(this.verifier, 'verify', error).message;
    }
  }
}

function unauthorized(reason: string): Problem {
  return new Problem(401, { detail: 'the request is not signed by a configured account', reason });
}
