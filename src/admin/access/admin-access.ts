import { timingSafeEqual } from 'node:crypto';
import { Injectable } from '@nestjs/common';
import type { FastifyReply, FastifyRequest, RouteOptions } from 'fastify';
import { ConnectionLimiter, LimitedLog, Problem } from '../../http/index.js';
import { AdminAudit } from './admin-audit.js';
import { AdminSessions, type AdminSession } from './admin-sessions.js';
import { AdminTokens, digest, type AdminActor } from './admin-tokens.js';
import { AttemptLimiter } from './attempt-limiter.js';
import { CSRF_HEADER, isOwnOrigin, sealedSessionOf, sessionCookie } from './session-cookie.js';

declare module 'fastify' {
  interface FastifyContextConfig {
    /** `public`: anyone may see it, because it holds no data. `read`: the scope `read` is enough for every method. */
    admin?: 'public' | 'read';
  }
}

/** Where every path of the admin API begins. */
export const ADMIN_PATH = '/admin';
/** Also in each refusal: one that leaves a body unread is written without the headers of the reply. */
const NO_STORE = { 'cache-control': 'no-store' };
const CHALLENGE = { ...NO_STORE, 'www-authenticate': 'Bearer realm="admin"' };
/** These methods change nothing, so the scope `read` is enough. */
const READING: ReadonlySet<string> = new Set(['GET', 'HEAD']);

/**
 * Lets only the bearers of an admin token, and people who have signed in with one, pass to the paths below `/admin`,
 * before anything of a body is read, and audits every change. It adds itself to the routes, so that a route that is
 * added later is protected too.
 */
@Injectable()
export class AdminAccess {
  private readonly actors = new WeakMap<FastifyRequest, AdminActor>();
  private readonly sessions = new WeakMap<FastifyRequest, AdminSession>();

  constructor(
    private readonly tokens: AdminTokens,
    private readonly adminSessions: AdminSessions,
    private readonly attempts: AttemptLimiter,
    private readonly audit: AdminAudit,
    private readonly connections: ConnectionLimiter,
    private readonly log: LimitedLog,
  ) {}

  /** For Fastify's `onRoute` hook: protects a route below `/admin`. */
  protect(route: RouteOptions): void {
    if (!isAdminRoute(route)) return;
    const access = route.config?.admin;
    if (access === 'public') return;
    const admit = async (request: FastifyRequest, reply: FastifyReply): Promise<void> => {
      void reply.headers(NO_STORE);
      const actor = await this.authenticate(request);
      // Before the scope is checked, so that a refused change is also audited.
      this.actors.set(request, actor);
      requireCsrfToken(request, this.sessions.get(request));
      if (access !== 'read') requireScope(actor, request.method);
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

  /** The session of an admitted request; undefined when it carries a token itself. */
  sessionOf(request: FastifyRequest): AdminSession | undefined {
    return this.sessions.get(request);
  }

  private async authenticate(request: FastifyRequest): Promise<AdminActor> {
    const { ip, headers, raw } = request;
    const retryAfterSeconds = this.attempts.retryAfterSeconds(ip);
    if (retryAfterSeconds !== undefined) {
      throw new Problem(429, {
        detail: 'too many wrong admin tokens; try again later',
        headers: { ...NO_STORE, 'retry-after': String(retryAfterSeconds) },
      });
    }
    const sealed = headers.authorization === undefined ? sealedSessionOf(request) : undefined;
    const actor = sealed === undefined ? this.byToken(request) : await this.bySession(request, sealed);
    this.attempts.succeeded(ip);
    this.connections.trust(raw.socket);
    return actor;
  }

  private byToken({ ip, headers }: FastifyRequest): AdminActor {
    const secret = /^bearer +(\S+)$/i.exec(headers.authorization ?? '')?.[1];
    if (secret === undefined) throw unauthorized();
    return this.tokens.find(secret) ?? this.refuse(ip, 'token', unauthorized());
  }

  private async bySession(request: FastifyRequest, sealed: string): Promise<AdminActor> {
    const session = await this.adminSessions.read(sealed);
    const over = new Problem(401, {
      detail: 'the session is over; sign in again',
      headers: { ...CHALLENGE, 'set-cookie': sessionCookie(request) },
    });
    if (session === 'ended') throw over;
    // Whoever makes up sessions guesses tokens.
    if (session === 'forged') return this.refuse(request.ip, 'session', over);
    this.sessions.set(request, session);
    return session.actor;
  }

  private refuse(address: string, what: 'token' | 'session', problem: Problem): never {
    this.attempts.failed(address);
    this.log.write('warn', { address }, `admin: a request with a wrong ${what} was refused`);
    throw problem;
  }
}

/** A browser adds the cookie by itself, also when another site has made it send the request. */
function requireCsrfToken(request: FastifyRequest, session: AdminSession | undefined): void {
  if (!session || READING.has(request.method)) return;
  const given = request.headers[CSRF_HEADER];
  const isGiven = typeof given === 'string' && timingSafeEqual(digest(given), digest(session.csrfToken));
  if (isGiven && isOwnOrigin(request)) return;
  throw new Problem(403, {
    detail: `a change in a session must come from the console itself and repeat the session's csrfToken as ${CSRF_HEADER}`,
    headers: NO_STORE,
  });
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
    headers: CHALLENGE,
  });
}

/** @returns whether a route is part of the admin API or the console. */
export function isAdminRoute({ url }: RouteOptions): boolean {
  return url === ADMIN_PATH || url.startsWith(`${ADMIN_PATH}/`);
}
