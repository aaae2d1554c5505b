import { Injectable, type CanActivate, type ExecutionContext } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';
import { Problem } from '../http/index.js';
import { KeySetUnavailableError, MessageSenderVerifier } from './message-sender-verifier.js';

/** Most outages of a key set end within seconds. */
const RETRY_AFTER_SECONDS = 10;

/** Accepts only requests of the configured push service. It runs before the body is decoded. */
@Injectable()
export class MessageSenderGuard implements CanActivate {
  constructor(private readonly verifier: MessageSenderVerifier) {}

  /** @throws Problem the same 401 for every reason, 503 while tokens cannot be verified. */
  async canActivate(context: ExecutionContext): Promise<boolean> {
    const { headers } = context.switchToHttp().getRequest<FastifyRequest>();
    const reason = await this.verifier.verify(headers).catch((error: unknown) => {
      if (!(error instanceof KeySetUnavailableError)) throw error;
      throw new Problem(503, {
        detail: 'the sender cannot be verified at the moment; send the message again',
        headers: { 'retry-after': String(RETRY_AFTER_SECONDS) },
        reason: `${error.message}: ${error.cause instanceof Error ? error.cause.message : 'unknown reason'}`,
        cause: error,
      });
    });
    if (reason === undefined) return true;
    throw new Problem(401, {
      detail: 'the request does not come from the configured push service',
      headers: { 'www-authenticate': 'Bearer' },
      reason,
    });
  }
}
