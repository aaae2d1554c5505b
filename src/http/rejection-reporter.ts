import { Injectable } from '@nestjs/common';
import type { WebhookOutcome } from '../metrics/index.js';
import { IngressRoutes } from './ingress-routes.js';
import { LimitedLog } from './limited-log.js';

const MAX_IDENTITY_LENGTH = 64;

/** Counts and logs the requests that an ingress route rejected. */
@Injectable()
export class RejectionReporter {
  constructor(
    private readonly routes: IngressRoutes,
    private readonly log: LimitedLog,
  ) {}

  /**
   * @param path the route. Rejections of other routes are ignored.
   * @param status the status of the response.
   * @param reason why the request was rejected, for the operator.
   * @param body the parsed body, if there is one.
   */
  report(path: string | undefined, status: number, reason: string, body?: unknown): void {
    const route = this.routes.find(path);
    if (!route) return;
    const outcome = outcomeOf(status);
    route.count(route.ownerOf(body), outcome, 1);
    const identity = Object.entries(route.identify(body)).map(([name, value]) => [name, loggable(value)]);
    this.log.write(
      'warn',
      { outcome, reason, ...(Object.fromEntries(identity) as Record<string, unknown>) },
      `${route.kind} ${outcome}: ${reason}`,
    );
  }
}

function outcomeOf(status: number): WebhookOutcome {
  if (status === 401) return 'unauthorized';
  return status < 500 ? 'invalid' : 'unavailable';
}

function loggable(value: unknown): string | undefined {
  return typeof value === 'string' ? value.slice(0, MAX_IDENTITY_LENGTH) : undefined;
}
