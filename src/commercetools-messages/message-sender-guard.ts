import { Injectable, type CanActivate, type ExecutionContext } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';
import { IngressRoutes } from '../http/index.js';
import { wrongSender } from './messages-route.js';

/**
 * Accepts only requests whose sender was verified before their body was read. It fails closed when a request
 * reaches the controller without passing the connector's server.
 */
@Injectable()
export class MessageSenderGuard implements CanActivate {
  constructor(private readonly routes: IngressRoutes) {}

  /** @throws Problem 401 */
  canActivate(context: ExecutionContext): boolean {
    const { raw } = context.switchToHttp().getRequest<FastifyRequest>();
    if (this.routes.isAdmitted(raw)) return true;
    throw wrongSender('the request did not pass the server of the connector');
  }
}
