import { Injectable } from '@nestjs/common';
import { PinoLogger } from 'nestjs-pino';
import { HandlerRegistry } from '../handlers/index.js';
import { ConnectorMetrics } from '../metrics/index.js';
import type { FluentNotification } from '../notification/index.js';

/** A name is logged once in this time. */
const INTERVAL_MS = 600_000;
/** The most names that are logged in that time, and the most that the metric has as labels in one process. */
const MAX_NAMES = 20;
const MAX_NAME_LENGTH = 100;

/**
 * Reports notifications that no handler takes, so that operators notice a mistyped event name in a workflow. Names come
 * from outside, so the log lines and the time series are bounded.
 */
@Injectable()
export class UnhandledNotifications {
  private readonly labels = new Set<string>();
  private readonly logged = new Set<string>();
  private intervalEndsAt = 0;

  constructor(
    private readonly registry: HandlerRegistry,
    private readonly metrics: ConnectorMetrics,
    private readonly logger: PinoLogger,
  ) {
    logger.setContext('Notifications');
  }

  /** Counts an ignored notification. Logs its name, unless it was logged a short time ago. */
  report({ id, accountId, retailerId, name, entityType }: FluentNotification): void {
    const label = name.slice(0, MAX_NAME_LENGTH);
    this.metrics.unhandledWebhooks.inc({ account: accountId, name: this.bounded(label) });
    const now = performance.now();
    if (now >= this.intervalEndsAt) {
      this.logged.clear();
      this.intervalEndsAt = now + INTERVAL_MS;
    }
    if (this.logged.has(label) || this.logged.size >= MAX_NAMES) return;
    this.logged.add(label);
    this.logger.info(
      { notificationId: id, accountId, retailerId, name: label, entityType },
      `webhook ignored: no handler takes "${label}". Handlers take ${this.served()}. If the name is mistyped, correct it in ` +
        "the workflow; if it announces an order's status, add it to ORDER_STATUS_EVENT_NAMES; otherwise add a " +
        `@NotificationHandler('${label}'). Not logged again for ${INTERVAL_MS / 60_000} minutes`,
    );
  }

  private bounded(name: string): string {
    if (this.labels.size < MAX_NAMES) this.labels.add(name);
    return this.labels.has(name) ? name : 'other';
  }

  private served(): string {
    const { names } = this.registry;
    const more = names.length - MAX_NAMES;
    const shown = names.slice(0, MAX_NAMES).map((name) => `"${name}"`);
    return `${shown.join(', ') || 'no name'}${more > 0 ? ` and ${more} more` : ''}`;
  }
}
