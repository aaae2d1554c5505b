import { Delete, Get, HttpCode, Injectable, Post, Req, Res } from '@nestjs/common';
import { RouteConfig, RouteSchema } from '@nestjs/platform-fastify';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { Problem } from '../../http/index.js';
import { AdminAccess } from '../access/admin-access.js';
import { AdminSessions, SESSION_SECONDS, type AdminSession } from '../access/admin-sessions.js';
import { sessionCookie } from '../access/session-cookie.js';
import { answers } from '../schema.js';
import { SessionView, SignOutResult } from './session-schemas.js';

const tags = ['session'];

/** Signs people in and out of the console. Every token may sign in: a session can do what its token can do. */
@Injectable()
export class SessionController {
  constructor(
    private readonly access: AdminAccess,
    private readonly sessions: AdminSessions,
  ) {}

  @Post()
  @HttpCode(200)
  @RouteConfig({ admin: 'read' })
  @RouteSchema({
    operationId: 'signIn',
    summary: 'Sign in with a token: start a session, which a browser keeps in a cookie.',
    tags,
    response: answers('The session.', SessionView),
  })
  async signIn(
    @Req() request: FastifyRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<SessionView> {
    // Otherwise a session could be prolonged forever.
    if (this.access.sessionOf(request)) {
      throw new Problem(401, { detail: 'a session cannot start another session; sign in with a token' });
    }
    const started = await this.sessions.start(this.access.actorOf(request));
    if (!started) {
      throw new Problem(429, {
        detail: 'this token has too many open sessions in this replica; sign out of one',
      });
    }
    void reply.header('set-cookie', sessionCookie(request, started.sealed, SESSION_SECONDS));
    return viewOf(started.session);
  }

  @Get()
  @RouteSchema({
    operationId: 'getSession',
    summary: 'Show who is signed in.',
    tags,
    response: answers('Name and scope of the token.', SessionView),
  })
  find(@Req() request: FastifyRequest): SessionView {
    const session = this.access.sessionOf(request);
    return session ? viewOf(session) : { ...this.access.actorOf(request) };
  }

  @Delete()
  @RouteConfig({ admin: 'read' })
  @RouteSchema({
    operationId: 'signOut',
    summary: 'Sign out: end the session.',
    tags,
    response: answers('The browser forgets the session.', SignOutResult),
  })
  async signOut(
    @Req() request: FastifyRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<SignOutResult> {
    const session = this.access.sessionOf(request);
    void reply.header('set-cookie', sessionCookie(request));
    try {
      if (session) await this.sessions.end(session);
    } catch (error) {
      throw new Problem(503, {
        detail:
          'you are signed out in this browser, but Redis did not answer: other replicas accept a copy of the session until ' +
          'it expires. Change the token to end it',
        cause: error,
      });
    }
    return { signedOut: session !== undefined };
  }
}

function viewOf({ actor, csrfToken, expiresAt }: AdminSession): SessionView {
  return { ...actor, csrfToken, expiresAt: expiresAt.toISOString() };
}
