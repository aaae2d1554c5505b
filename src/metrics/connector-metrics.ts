import { Injectable } from '@nestjs/common';
import { Counter, Gauge, Histogram, Registry, collectDefaultMetrics } from 'prom-client';
import { PACKAGE_VERSION } from '../package-info.js';

export const WEBHOOK_OUTCOMES = [
  'accepted',
  'duplicate',
  'ignored',
  'unauthorized',
  'invalid',
  'unavailable',
] as const;
export type WebhookOutcome = (typeof WEBHOOK_OUTCOMES)[number];

const prefix = 'fluent_connector_';
/** Seconds; a status is usually shown within one second, and a retry can take a day. */
const LAG_BUCKETS = [0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 900, 3600, 14_400, 86_400];
/** Seconds; the client time-out is 30 s by default. */
const REQUEST_BUCKETS = [0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60];

/**
 * Gauges among Node's default metrics that are named like counters, which Prometheus warns of. Their sums are in
 * the metrics without the ending.
 */
const MISNAMED = [
  'nodejs_active_resources_total',
  'nodejs_active_handles_total',
  'nodejs_active_requests_total',
];

/** Every metric of the connector. Label values are bounded by their callers: names without a handler are `other`. */
@Injectable()
export class ConnectorMetrics {
  readonly registry = new Registry();

  readonly webhooks = this.counter('webhooks_total', 'Webhooks answered, by account and outcome.', [
    'account',
    'outcome',
  ]);
  readonly unhandledWebhooks = this.counter(
    'unhandled_webhooks_total',
    'Webhooks that no handler takes, by account and notification name; names beyond the first 20 are other.',
    ['account', 'name'],
  );
  readonly commercetoolsMessages = this.counter(
    'commercetools_messages_total',
    'Messages from commercetools answered, by project and outcome.',
    ['project', 'outcome'],
  );
  readonly connectionsDropped = this.counter(
    'connections_dropped_total',
    'Connections closed because there were too many: evicted in favour of a new one, or refused at the limit.',
    ['reason'],
  );
  readonly notifications = this.counter(
    'notifications_total',
    'Runs of notifications, by account, notification name and outcome.',
    ['account', 'name', 'outcome'],
  );
  readonly syncLag = new Histogram({
    name: `${prefix}sync_lag_seconds`,
    help: 'Time from the acceptance of a notification until commercetools agreed.',
    buckets: LAG_BUCKETS,
    registers: [this.registry],
  });
  readonly queueJobs = new Gauge({
    name: `${prefix}queue_jobs`,
    help: 'Notifications in the queue, by state.',
    labelNames: ['state'],
    registers: [this.registry],
  });
  readonly oldestUnfinished = new Gauge({
    name: `${prefix}queue_oldest_unfinished_seconds`,
    help: 'Age of the oldest notification that is waiting, active or delayed; 0 when there is none.',
    registers: [this.registry],
  });
  readonly queueWarnings = new Gauge({
    name: `${prefix}queue_warnings`,
    help: 'Ways in which Redis could lose accepted notifications (no append-only file, eviction); 0 when durable.',
    registers: [this.registry],
  });
  readonly accountPaused = new Gauge({
    name: `${prefix}account_paused`,
    help: '1 while an operator has paused the delivery of the notifications of an account, else 0.',
    labelNames: ['account'],
    registers: [this.registry],
  });
  readonly conflicts = this.counter('conflicts_total', 'Version conflicts met while updating orders.', []);
  readonly hookFailures = this.counter(
    'hook_failures_total',
    'Syncs in which a hook could not do its part, by hook, cause (fields, actions, error) and whether it is required.',
    ['hook', 'cause', 'required'],
  );
  readonly settingsCache = this.counter('settings_cache_total', 'Settings cache look-ups, by result.', [
    'result',
  ]);
  readonly upstreamRequests = new Histogram({
    name: `${prefix}upstream_request_duration_seconds`,
    help: 'Duration of calls to Fluent and commercetools, by target, operation and outcome.',
    labelNames: ['target', 'operation', 'outcome'],
    buckets: REQUEST_BUCKETS,
    registers: [this.registry],
  });
  readonly circuitOpen = new Gauge({
    name: `${prefix}circuit_open`,
    help: '1 while the circuit breaker of a target is open or half-open, else 0.',
    labelNames: ['target'],
    registers: [this.registry],
  });
  readonly sharedOrders = this.counter(
    'shared_orders_total',
    'Syncs refused because the commercetools order was last written for another Fluent order, by account.',
    ['account'],
  );
  readonly reconcileFound = this.counter(
    'reconcile_found_total',
    'Orders that reconciliation had to update because no notification had.',
    [],
  );
  readonly skippedStatuses = this.counter(
    'skipped_statuses_total',
    'Syncs whose states depended on the statuses that the order had passed, by result.',
    ['result'],
  );
  readonly unreadableAuditEvents = this.counter(
    'unreadable_audit_events_total',
    "Status changes in Fluent's audit log that name no status or time.",
    [],
  );

  readonly reconcileWatermarkAge = new Gauge({
    name: `${prefix}reconcile_watermark_age_seconds`,
    help: 'Time since the last look for updated orders that was complete, by account; absent while Redis is away.',
    labelNames: ['account'],
    registers: [this.registry],
  });

  /** The one series that exists from the start to the end of every process: alerts notice when it is missing. */
  private readonly buildInfo = new Gauge({
    name: `${prefix}build_info`,
    help: '1, with the version of the connector.',
    labelNames: ['version'],
    registers: [this.registry],
  });

  constructor() {
    this.buildInfo.set({ version: PACKAGE_VERSION }, 1);
    collectDefaultMetrics({ register: this.registry });
    for (const name of MISNAMED) this.registry.removeSingleMetric(name);
  }

  private counter<T extends string>(name: string, help: string, labelNames: T[]): Counter<T> {
    return new Counter({ name: prefix + name, help, labelNames, registers: [this.registry] });
  }
}
