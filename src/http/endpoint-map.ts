import type { RouteOptions } from 'fastify';

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
