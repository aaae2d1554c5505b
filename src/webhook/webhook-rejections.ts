import { Injectable, type OnModuleDestroy, type OnModuleInit } from '@nestjs/common';
import { PinoLogger } from 'nestjs-pino';
import { ConnectorConfig } from '../config/index.js';
import { ConnectorMetrics, WEBHOOK_OUTCOMES, type WebhookOutcome } from '../metrics/index.js';

/** Anybody can send requests that are rejected; they must not be able to fill the disk with log lines. */
const MAX_LINES_PER_SECOND = 20;
const MAX_LOGGED_LENGTH = 64;

/** Counts and logs the webhooks that were not accepted. */
@Injectable()
export class WebhookRejections implements OnModuleInit, OnModuleDestroy {
  private lines = 0;
  private suppressed = 0;
  private secondEnds: NodeJS.Timeout | undefined;

  constructor(
    private readonly config: ConnectorConfig,
    private readonly metrics: ConnectorMetrics,
    private readonly logger: PinoLogger,
  ) {
    logger.setContext('Webhook');
  }

  /** Prometheus sees no increase in a series that begins with its first event: alerts would miss it. */
  onModuleInit(): void {
    for (const account of [...this.config.accounts.map(({ id }) => id), 'other']) {
      for (const outcome of WEBHOOK_OUTCOMES) this.metrics.webhooks.inc({ account, outcome }, 0);
    }
  }

  /**
   * @param body what was parsed, if anything; only its account and id are told, cut to a sane length.
   * @param reason why, in words for the operator.
   */
  record(outcome: WebhookOutcome, reason: string, body: unknown): void {
    const { accountId, id } = (body ?? {}) as Record<string, unknown>;
    const known = typeof accountId === 'string' && this.config.account(accountId) !== undefined;
    this.metrics.webhooks.inc({ account: known ? accountId : 'other', outcome });

    this.secondEnds ??= setTimeout(() => this.endSecond(), 1000).unref();
    if (this.lines >= MAX_LINES_PER_SECOND) {
      this.suppressed++;
      return;
    }
    this.lines++;
    this.logger.warn(
      { outcome, reason, accountId: loggable(accountId), notificationId: loggable(id) },
      `webhook ${outcome}: ${reason}`,
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
        'more webhooks were rejected than are logged in a second',
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
