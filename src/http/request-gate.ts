import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http';
import type { RouteOptions } from 'fastify';
import { isManagementPath } from '../config/index.js';
import { hasBody, refuseUnread } from './client-error.js';
import type { IngressRoutes } from './ingress-routes.js';
import { Problem } from './problem.js';
import type { RejectionReporter } from './rejection-reporter.js';

/** `management` serves health, metrics and admin, `public` everything else. */
export type ListenerKind = 'public' | 'management';

/** Node silently drops headers beyond 2000. No client of the connector sends a tenth of that. */
const MAX_HEADERS = 100;

/**
 * Refuses requests before their body is read: unknown paths and methods, ambiguous headers, and senders that an ingress
 * route does not admit. It runs before Fastify, which therefore never routes, parses or reads these requests.
 */
export class RequestGate {
  private readonly endpoints = new EndpointMap();
  private routes?: IngressRoutes;
  private rejections?: RejectionReporter;
  private isSplit = false;

  /** For Fastify's `onRoute` hook. */
  addRoute(route: Pick<RouteOptions, 'url' | 'method'>): void {
    this.endpoints.add(route);
  }

  /**
   * Called once, before the server listens.
   *
   * @param isSplit false when one listener serves everything.
   */
  connect(routes: IngressRoutes, rejections: RejectionReporter, { isSplit }: { isSplit: boolean }): void {
    this.routes = routes;
    this.rejections = rejections;
    this.isSplit = isSplit;
  }

  /** @returns the listener of a server that passes admitted requests on to `next`. */
  listener(kind: ListenerKind, next: RequestListener): RequestListener {
    return (request, response) => {
      const path = pathOf(request.url ?? '/');
      const problem = this.check(kind, path, request);
      if (problem) {
        this.refuse(request, response, path, problem);
        return;
      }
      const pass = (refusal: Problem | undefined): void => {
        if (refusal) {
          this.refuse(request, response, path, refusal);
          return;
        }
        if (request.headers.expect !== undefined) response.writeContinue();
        next(request, response);
      };
      const verdict = this.admit(path, request);
      if (verdict instanceof Promise) void verdict.then(pass);
      else pass(verdict);
    };
  }

  private check(kind: ListenerKind, path: string, request: IncomingMessage): Problem | undefined {
    const { rawHeaders, method = '' } = request;
    if (rawHeaders.length > 2 * MAX_HEADERS) {
      return new Problem(431, { detail: `send at most ${MAX_HEADERS} headers` });
    }
    const isElsewhere = this.isSplit && isManagementPath(path) !== (kind === 'management');
    const methods = isElsewhere ? undefined : this.endpoints.find(path);
    if (methods === undefined) return new Problem(404);
    if (methods !== 'router' && !methods.has(method)) {
      return new Problem(405, { headers: { allow: [...methods].sort().join(', ') } });
    }
    // Node keeps the first of several, but a proxy in front of it may use another one.
    if (countOf(rawHeaders, 'authorization') > 1) {
      return new Problem(400, { detail: 'send one Authorization header' });
    }
    return undefined;
  }

  private admit(path: string, request: IncomingMessage): Problem | undefined | Promise<Problem | undefined> {
    const route = this.routes?.find(path);
    if (!route) return undefined;
    const remember = (problem: Problem | undefined): Problem | undefined => {
      // The other routes authenticate the body, whether the request came through the gate or not.
      if (!problem && route.body === 'json') this.routes?.markAdmitted(request);
      return problem;
    };
    const verdict = route.admit(request);
    if (!(verdict instanceof Promise)) return remember(verdict);
    return verdict.then(remember, (error: unknown) => new Problem(500, { cause: error }));
  }

  private refuse(request: IncomingMessage, response: ServerResponse, path: string, problem: Problem): void {
    const status = problem.getStatus();
    if (request.method === 'POST') this.rejections?.report(path, status, problem.reason);
    if (response.destroyed || response.headersSent) return;
    if (hasBody(request) && refuseUnread(request, response, problem)) return;
    const body = JSON.stringify(problem.toDocument());
    response.writeHead(status, {
      'content-type': 'application/problem+json',
      'content-length': Buffer.byteLength(body),
      // The unread body would be parsed as the next request.
      ...(hasBody(request) ? { connection: 'close' } : {}),
      ...problem.headers,
    });
    response.end(request.method === 'HEAD' ? undefined : body);
  }
}

function pathOf(url: string): string {
  const query = url.indexOf('?');
  return query < 0 ? url : url.slice(0, query);
}

/** @param name in lower case. */
function countOf(rawHeaders: readonly string[], name: string): number {
  let count = 0;
  for (let i = 0; i < rawHeaders.length; i += 2) {
    const header = rawHeaders[i] ?? '';
    if (header.length === name.length && header.toLowerCase() === name) count++;
  }
  return count;
}

/**
 * Every path of the server with its methods, collected while routes are registered. A request is matched against it
 * before the router sees the request's URL.
 */
export class EndpointMap {
  private readonly methods = new Map<string, Set<string>>();
  /** The fixed beginnings of routes with parameters, which only the router can match. */
  private readonly prefixes = new Set<string>();

  add({ url, method }: Pick<RouteOptions, 'url' | 'method'>): void {
    const parameter = url.search(/[:*]/);
    if (parameter >= 0) {
      this.prefixes.add(url.slice(0, parameter));
      return;
    }
    const methods = this.methods.get(url) ?? new Set();
    this.methods.set(url, methods);
    for (const each of [method].flat()) methods.add(each.toUpperCase());
  }

  /** @returns the methods of a path, `'router'` when only the router can tell, or undefined for an unknown path. */
  find(path: string): ReadonlySet<string> | 'router' | undefined {
    const methods = this.methods.get(path);
    if (methods) return methods;
    for (const prefix of this.prefixes) {
      if (path.startsWith(prefix)) return 'router';
    }
    return undefined;
  }
}
