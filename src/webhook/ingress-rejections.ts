import { Injectable, type OnModuleDestroy } from '@nestjs/common';
import { PinoLogger } from 'nestjs-pino';
import { WEBHOOK_OUTCOMES, type WebhookOutcome } from '../metrics/index.js';

/** Anybody can send requests that are rejected; they must not be able to fill the disk with log lines. */
const MAX_LINES_PER_SECOND = 20;
const MAX_LOGGED_LENGTH = 64;

/** A route through which work comes in, as far as its rejections are concerned. */
export interface Ingress {
  readonly path: string;
  /** What is sent there, for log lines: `webhook`. */
  readonly kind: string;
  /** Every value of the label that tells whose requests they are; bounded. */
  readonly owners: readonly string[];
  /** Whose the request is: one of {@link owners}. @param body what was parsed, if anything. */
  ownerOf(body: unknown): string;
  /** Adds to the number of requests. */
  count(owner: string, outcome: WebhookOutcome, by: number): void;
  /** What tells the operator which request it was; only text is logged, cut to a sane length. */
  identify(body: unknown): Readonly<Record<string, unknown>>;
}

/** Counts and logs what an ingress did not accept. */
@Injectable()
export class IngressRejections implements OnModuleDestroy {
  private readonly ingresses = new Map<string, Ingress>();
  private lines = 0;
  private suppressed = 0;
  private secondEnds: NodeJS.Timeout | undefined;

  constructor(private readonly logger: PinoLogger) {
    logger.setContext('Ingress');
  }

  /**
   * From now on the rejections of this route are told. Prometheus sees no increase in a series that begins
   * with its first event, and alerts would miss it: so all begin here.
   */
  watch(ingress: Ingress): void {
    this.ingresses.set(ingress.path, ingress);
    for (const owner of ingress.owners) {
      for (const outcome of WEBHOOK_OUTCOMES) ingress.count(owner, outcome, 0);
    }
  }

  /**
   * @param path the route; one that is no ingress is not recorded.
   * @param reason why, in words for the operator.
   * @param body what was parsed, if anything.
   */
  record(path: string | undefined, outcome: WebhookOutcome, reason: string, body: unknown): void {
    const ingress = this.ingresses.get(path ?? '');
    if (!ingress) return;
    ingress.count(ingress.ownerOf(body), outcome, 1);

    this.secondEnds ??= setTimeout(() => this.endSecond(), 1000).unref();
    if (this.lines >= MAX_LINES_PER_SECOND) {
      this.suppressed++;
      return;
    }
    this.lines++;
    const identity = Object.entries(ingress.identify(body)).map(([name, value]) => [name, loggable(value)]);
    this.logger.warn(
      { outcome, reason, ...(Object.fromEntries(identity) as Record<string, unknown>) },
      `${ingress.kind} ${outcome}: ${reason}`,
    );
  }

  onModuleDestroy(): void {
    clearTimeout(this.secondEnds);
    this.endSecond();
  }

  private endSecond(): void {
    if (this.suppressed > 0) {
      this.logger.warn(
        { suppressed: this.suppressed },
        'more requests were rejected than are logged in a second',
      );
    }
    this.lines = 0;
    this.suppressed = 0;
    this.secondEnds = undefined;
  }
}

function loggable(value: unknown): string | undefined {
  return typeof value === 'string' ? value.slice(0, MAX_LOGGED_LENGTH) : undefined;
}
