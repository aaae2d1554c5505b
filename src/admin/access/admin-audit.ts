import { Injectable } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';
import { PinoLogger } from 'nestjs-pino';
import type { Logger } from 'pino';
import { MAX_REASON_LENGTH } from '../schema.js';
import type { AdminActor } from './admin-tokens.js';

/** Who asked for which change of what, and why. Written at every log level. */
@Injectable()
export class AdminAudit {
  private readonly log: Logger;

  constructor(logger: PinoLogger) {
    this.log = logger.logger.child({ context: 'AdminAudit' }, { level: 'info' });
  }

  /** Before a change is made. */
  begins(actor: AdminActor, request: FastifyRequest): void {
    const line = this.describe(actor, request);
    this.log.info(line, `admin: ${actor.name} asks for ${line.operation}`);
  }

  /** After a change was answered. */
  ended(actor: AdminActor, request: FastifyRequest, status: number): void {
    const line = { ...this.describe(actor, request), status };
    const verb = status < 400 ? 'was answered' : 'was refused or failed';
    this.log.info(line, `admin: ${line.operation} by ${actor.name} ${verb} with ${status}`);
  }

  private describe({ name }: AdminActor, request: FastifyRequest) {
    const { method, params, query, body, routeOptions, ip } = request;
    const { operationId } = (routeOptions.schema ?? {}) as { operationId?: string };
    return {
      actor: name,
      operation: operationId ?? `${method} ${routeOptions.url ?? ''}`,
      target: params,
      options: { ...(query as object), ...reasonOf(body) },
      address: ip,
    };
  }
}

/** Of a body only the reason is logged: the rest of a refused one is not checked. */
function reasonOf(body: unknown): { reason?: string } {
  const { reason } = (body ?? {}) as { reason?: unknown };
  return typeof reason === 'string' ? { reason: reason.slice(0, MAX_REASON_LENGTH) } : {};
}
