import { Injectable, type CanActivate, type ExecutionContext } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';
import { Problem } from '../webhook/index.js';
import { KeySetUnavailableError, MessageSenderVerifier } from './message-sender-verifier.js';

/** Key sets are back within seconds, or somebody has to be woken up. */
const RETRY_AFTER_SECONDS = 10;

/** Lets only the configured push service through, before anything of the body is looked at. */
@Injectable()
export class MessageSenderGuard implements CanActivate {
  constructor(private readonly verifier: MessageSenderVerifier) {}

  /** @throws Problem 401 with one and the same body for every reason, 503 when tokens cannot be verified now. */
  async canActivate(context: ExecutionContext): Promise<boolean> {
    const { headers } = context.switchToHttp().getRequest<FastifyRequest>();
    const reason = await this.verifier.verify(headers).catch((error: unknown) => {
      if (!(error instanceof KeySetUnavailableError)) throw error;
      throw new Problem(503, {
        detail: 'the sender cannot be verified now; send the message again',
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
