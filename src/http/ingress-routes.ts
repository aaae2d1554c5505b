import type { IncomingMessage } from 'node:http';
import { Injectable } from '@nestjs/common';
import { WEBHOOK_OUTCOMES, type WebhookOutcome } from '../metrics/index.js';
import type { Problem } from './problem.js';

/** A route through which work enters the connector. */
export interface IngressRoute {
  readonly path: string;
  /** The kind of request, for log lines: `webhook`. */
  readonly kind: string;
  /** Every value of the metric's owner label (account, project); a bounded list. */
  readonly owners: readonly string[];
  /** `bytes`: the route authenticates the body and parses it afterwards. `json`: {@link admit} authenticates the sender. */
  readonly body: 'bytes' | 'json';
  /**
   * Checks a request before anything of its body is read.
   *
   * @returns the problem that refuses the request, or undefined when its body may be read.
   */
  admit(request: IncomingMessage): Problem | undefined | Promise<Problem | undefined>;
  /** @returns the owner of a request, one of {@link owners}. @param body the parsed body, if there is one. */
  ownerOf(body: unknown): string;
  /** Increments the route's counter. */
  count(owner: string, outcome: WebhookOutcome, by: number): void;
  /** @returns the fields that identify the request in the log. Only strings are logged, shortened. */
  identify(body: unknown): Readonly<Record<string, unknown>>;
}

/** The ingress routes of this process, by path. */
@Injectable()
export class IngressRoutes {
  private readonly byPath = new Map<string, IngressRoute>();
  private readonly admitted = new WeakSet<IncomingMessage>();

  /**
   * All time series of the route start at 0: Prometheus does not see an increase in a series that starts with its
   * first event, so alerts would miss that event.
   */
  register(route: IngressRoute): void {
    this.byPath.set(route.path, route);
    for (const owner of route.owners) {
      for (const outcome of WEBHOOK_OUTCOMES) route.count(owner, outcome, 0);
    }
  }

  find(path: string | undefined): IngressRoute | undefined {
    return path === undefined ? undefined : this.byPath.get(path);
  }

  /** Remembers that {@link IngressRoute.admit}, which alone authenticates the sender of a `json` route, accepted the request. */
  markAdmitted(request: IncomingMessage): void {
    this.admitted.add(request);
  }

  /** Whether the request passed {@link IngressRoute.admit}; false when it bypassed the {@link RequestGate}. */
  isAdmitted(request: IncomingMessage): boolean {
    return this.admitted.has(request);
  }
}
