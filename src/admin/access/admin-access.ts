import { Injectable } from '@nestjs/common';
import type { FastifyReply, FastifyRequest, RouteOptions } from 'fastify';
import { ConnectionLimiter, LimitedLog, Problem } from '../../http/index.js';
import { AdminAudit } from './admin-audit.js';
import { AdminTokens, type AdminActor } from './admin-tokens.js';
import { AttemptLimiter } from './attempt-limiter.js';

/** Where every path of the admin API begins. */
export const ADMIN_PATH = '/admin';
/** Also in each refusal: one that leaves a body unread is written without the headers of the reply. */
const NO_STORE = { 'cache-control': 'no-store' };
/** These methods change nothing, so the scope `read` is enough. */
const READING: ReadonlySet<string> = new Set(['GET', 'HEAD']);

/**
 * Lets only the bearers of an admin token pass to the paths below `/admin`, before anything of a body is read, and
 * audits every change. It adds itself to the routes, so that a route that is added later is protected too.
 */
@Injectable()
export class AdminAccess {
  private readonly actors = new WeakMap<FastifyRequest, AdminActor>();

  constructor(
    private readonly tokens: AdminTokens,
    private readonly attempts: AttemptLimiter,
    private readonly audit: AdminAudit,
    private readonly connections: ConnectionLimiter,
    private readonly log: LimitedLog,
  ) {}

  /** For Fastify's `onRoute` hook: protects a route below `/admin`. */
  protect(route: RouteOptions): void {
    if (route.url !== ADMIN_PATH && !route.url.startsWith(`${ADMIN_PATH}/`)) return;
    const admit = async (request: FastifyRequest, reply: FastifyReply): Promise<void> => {
      void reply.headers(NO_STORE);
      const actor = this.authenticate(request);
      // Before the scope is checked, so that a refused change is audited, too.
      this.actors.set(request, actor);
      requireScope(actor, request.method);
    };
    const before = async (request: FastifyRequest): Promise<void> => {
      if (!READING.has(request.method)) this.audit.begins(this.actorOf(request), request);
    };
    const after = async (request: FastifyRequest, reply: FastifyReply): Promise<void> => {
      const actor = this.actors.get(request);
      if (actor && !READING.has(request.method)) this.audit.ended(actor, request, reply.statusCode);
    };
    route.onRequest = [admit, ...[route.onRequest ?? []].flat()];
    route.preHandler = [before, ...[route.preHandler ?? []].flat()];
    route.onResponse = [after, ...[route.onResponse ?? []].flat()];
  }

  /** Who sends an admitted request. */
  actorOf(request: FastifyRequest): AdminActor {
    const actor = this.actors.get(request);
    if (!actor) throw unauthorized();
    return actor;
  }

  private authenticate({ ip, headers, raw }: FastifyRequest): AdminActor {
    const retryAfterSeconds = this.attempts.retryAfterSeconds(ip);
    if (retryAfterSeconds !== undefined) {
      throw new Problem(429, {
        detail: 'too many wrong admin tokens; try again later',
        headers: { ...NO_STORE, 'retry-after': String(retryAfterSeconds) },
      });
    }
    const secret = /^bearer +(\S+)$/i.exec(headers.authorization ?? '')?.[1];
    if (secret === undefined) throw unauthorized();
    const actor = this.tokens.find(secret);
    if (!actor) {
      this.attempts.failed(ip);
      this.log.write('warn', { address: ip }, 'admin: a request with a wrong token was refused');
      throw unauthorized();
    }
    this.attempts.succeeded(ip);
    this.connections.trust(raw.socket);
    return actor;
  }
}

function requireScope({ name, scope }: AdminActor, method: string): void {
  if (scope === 'write' || READING.has(method)) return;
  throw new Problem(403, {
    detail: `the token ${name} may only read; use one with the scope write`,
    headers: NO_STORE,
  });
}

function unauthorized(): Problem {
  return new Problem(401, {
    detail: 'send Authorization: Bearer <token> with a token of ADMIN_TOKEN or ADMIN_TOKENS',
    headers: { ...NO_STORE, 'www-authenticate': 'Bearer realm="admin"' },
  });
}
