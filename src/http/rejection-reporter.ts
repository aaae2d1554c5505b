import { Injectable, type OnModuleDestroy } from '@nestjs/common';
import { PinoLogger } from 'nestjs-pino';
import { WEBHOOK_OUTCOMES, type WebhookOutcome } from '../metrics/index.js';

/** Anybody can send requests that are rejected. The limit keeps them from filling the disk with log lines. */
const MAX_LINES_PER_SECOND = 20;
const MAX_LOGGED_LENGTH = 64;

/** How the rejected requests of one ingress route are counted and logged. */
export interface IngressRoute {
  readonly path: string;
  /** The kind of request, for log lines: `webhook`. */
  readonly kind: string;
  /** Every value of the metric's owner label (account, project); a bounded list. */
  readonly owners: readonly string[];
  /** @returns the owner of a request, one of {@link owners}. @param body the parsed body, if there is one. */
  ownerOf(body: unknown): string;
  /** Increments the route's counter. */
  count(owner: string, outcome: WebhookOutcome, by: number): void;
  /** @returns the fields that identify the request in the log. Only strings are logged, shortened. */
  identify(body: unknown): Readonly<Record<string, unknown>>;
}

/** Counts and logs the requests that an ingress route rejected. */
@Injectable()
export class RejectionReporter implements OnModuleDestroy {
  private readonly routes = new Map<string, IngressRoute>();
  private lines = 0;
  private suppressed = 0;
  private endOfSecond: NodeJS.Timeout | undefined;

  constructor(private readonly logger: PinoLogger) {
    logger.setContext('Ingress');
  }

  /**
   * Starts to report the rejections of a route. All its time series start at 0: Prometheus does not see an increase
   * in a series that starts with its first event, so alerts would miss that event.
   */
  register(route: IngressRoute): void {
    this.routes.set(route.path, route);
    for (const owner of route.owners) {
      for (const outcome of WEBHOOK_OUTCOMES) route.count(owner, outcome, 0);
    }
  }

  /**
   * @param path the route. Rejections of other routes are ignored.
   * @param reason why the request was rejected, for the operator.
   * @param body the parsed body, if there is one.
   */
  report(path: string | undefined, outcome: WebhookOutcome, reason: string, body: unknown): void {
    const route = this.routes.get(path ?? '');
    if (!route) return;
    route.count(route.ownerOf(body), outcome, 1);
    this.endOfSecond ??= setTimeout(() => this.endSecond(), 1000).unref();
    if (this.lines >= MAX_LINES_PER_SECOND) {
      this.suppressed++;
      return;
    }
    this.lines++;
    const identity = Object.entries(route.identify(body)).map(([name, value]) => [name, loggable(value)]);
    this.logger.warn(
      { outcome, reason, ...(Object.fromEntries(identity) as Record<string, unknown>) },
      `${route.kind} ${outcome}: ${reason}`,
    );
  }

  onModuleDestroy(): void {
    clearTimeout(this.endOfSecond);
    this.endSecond();
  }

  private endSecond(): void {
    if (this.suppressed > 0) {
      this.logger.warn(
        { suppressed: this.suppressed },
        'more requests were rejected in the last second than are logged',
      );
    }
    this.lines = 0;
    this.suppressed = 0;
    this.endOfSecond = undefined;
  }
}

function loggable(value: unknown): string | undefined {
  return typeof value === 'string' ? value.slice(0, MAX_LOGGED_LENGTH) : undefined;
}
