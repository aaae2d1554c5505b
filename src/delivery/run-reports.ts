import { Injectable } from '@nestjs/common';
import { PinoLogger } from 'nestjs-pino';
import type { Logger } from 'pino';
import { ConnectorConfig } from '../config/index.js';
import { CircuitOpenError, ConfigurationError } from '../errors.js';
import { HandlerRegistry } from '../handlers/index.js';
import { ConnectorMetrics } from '../metrics/index.js';
import type { RunReport } from './decide.js';
import type { Delivery } from './delivery.js';

/** Is given a report, and the delivery that it is about as it was taken. Must not throw. */
export type RunListener = (report: RunReport, delivery: Delivery) => void;

/** Publishes how each delivery ended: to the log, the metrics, and tests. */
@Injectable()
export class RunReports {
  private readonly listeners: RunListener[] = [];

  /**
   * Calls `listener` for every report from now on.
   *
   * @param listener must not throw.
   */
  subscribe(listener: RunListener): void {
    this.listeners.push(listener);
  }

  /** Passes a report to every listener. */
  publish(report: RunReport, delivery: Delivery): void {
    for (const listener of this.listeners) listener(report, delivery);
  }
}

/** Outcomes after which commercetools agrees with Fluent. */
const AGREED: ReadonlySet<RunReport['outcome']> = new Set(['updated', 'unchanged', 'superseded']);

/** Writes the log line and the metrics of each outcome. */
@Injectable()
export class OutcomeLog {
  private readonly outcomes: Logger;

  constructor(
    reports: RunReports,
    private readonly registry: HandlerRegistry,
    private readonly config: ConnectorConfig,
    private readonly metrics: ConnectorMetrics,
    logger: PinoLogger,
  ) {
    // The fields are fixed and hold no secret. Searching each line for secrets costs 2 % of a worker's time.
    this.outcomes = logger.logger.child({ context: 'Notifications' }, { redact: [] });
    reports.subscribe((report) => this.record(report));
  }

  private record({ notification, outcome, attempt, lagMs, error, delayMs, details }: RunReport): void {
    const { id, accountId, retailerId, name, entityRef } = notification;
    this.metrics.notifications.inc({
      account: this.config.account(accountId) ? accountId : 'other',
      name: this.registry.labelOf(name),
      outcome,
    });
    if (AGREED.has(outcome)) this.metrics.syncLag.observe(lagMs / 1000);

    const line = {
      notificationId: id,
      accountId,
      retailerId,
      name,
      entityRef,
      outcome,
      attempt,
      lagMs: Math.round(lagMs),
      ...details,
      ...(delayMs === undefined ? {} : { retryInMs: delayMs }),
      ...(error ? { error: { name: error.name, message: error.message } } : {}),
    };
    if (outcome === 'dead' || error instanceof ConfigurationError) {
      this.outcomes.error(line, `notification ${outcome}: ${error?.message ?? ''}`);
    } else if (error instanceof CircuitOpenError) {
      // Not an attempt. An outage defers all notifications again and again; the breaker logs it once.
      this.outcomes.debug(line, `notification deferred: ${error.message}`);
    } else if (outcome === 'retried') {
      this.outcomes.warn(line, `notification retried: ${error?.message ?? ''}`);
    } else {
      this.outcomes.info(line, `notification ${outcome}`);
    }
  }
}
