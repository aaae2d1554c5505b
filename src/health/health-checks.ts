import { Injectable } from '@nestjs/common';
import { HealthIndicatorService, type HealthIndicatorResult } from '@nestjs/terminus';
import { ConnectorConfig } from '../config/index.js';
import { BullMessageQueue, MessageQueue, type QueueHealth } from '../delivery/index.js';
import { MappingGaps, OrderStatusHooks } from '../order-status/index.js';
import { RedisConnections } from '../redis/index.js';
import { FluentSettingsSource } from '../settings/index.js';
import { type CallOutcome, CallMetrics, CircuitBreakers, type RefusedCall } from '../transport/index.js';
import { ageSeconds } from './age-seconds.js';
import { within } from './within.js';

/** Every probe answers within 2 s, even if the queue does not. */
const TIMEOUT_MS = 1500;
/** Longer than usual retries take. An operator need not investigate a younger notification. */
const STUCK_SECONDS = 900;
/** The maximum number of retailers in the answer; the log at start names all. */
const MAX_LISTED = 20;
const STUCK_ADVICE =
  'the log lines "notification retried" name the error and what to change; GET /admin/orders/{ref} compares both systems';
/** Long enough for an operator to see it, short enough to end after the correction. */
const RECENT_SECONDS = 3600;
const HOOK_ADVICE =
  'the log names the reason of each failure, and the orders that were updated without the hook';
const PAUSED_ADVICE =
  'webhooks are accepted, but wait: POST /admin/accounts/{accountId}/resume when the reason for the pause is gone';
const BESIDE_ADVICE =
  'webhooks are accepted and processed; replicas share neither reconciliation nor the admin API: check REDIS_URL and the server';
const ADVICE = 'give each status an entry in every mapping';
const NO_ANSWER: QueueHealth = { reachable: false, warnings: [] };

/** Outcomes after which the next call will most likely fail as well, until an operator acts or time passes. */
const IMPAIRING: ReadonlySet<CallOutcome | undefined> = new Set(['outage', 'configuration', 'unauthorized']);

/** The checks of `/health`. For Fluent and commercetools, they use the outcomes of earlier calls and make none. */
@Injectable()
export class HealthChecks {
  constructor(
    private readonly indicators: HealthIndicatorService,
    private readonly queue: MessageQueue,
    private readonly breakers: CircuitBreakers,
    private readonly calls: CallMetrics,
    private readonly settings: FluentSettingsSource,
    private readonly gaps: MappingGaps,
    private readonly hooks: OrderStatusHooks,
    private readonly config: ConnectorConfig,
    private readonly connections: RedisConnections,
  ) {}

  /** What only this replica knows, without a call. */
  ofThisReplica(): HealthIndicatorResult {
    return {
      ...this.upstreams(),
      ...this.mappings(),
      ...this.orderStatusHooks(),
      ...this.configuration(),
    };
  }

  /** What is the same for all replicas. */
  async ofTheQueue(): Promise<HealthIndicatorResult> {
    const results = await Promise.all([
      this.store(),
      this.redisBesideTheQueue(),
      this.notifications(),
      this.accounts(),
    ]);
    return Object.assign({}, ...results) as HealthIndicatorResult;
  }

  /** The store of the queue; down when it cannot accept webhooks. The entry is `redis` for the default, else `queue`. */
  async store(): Promise<HealthIndicatorResult> {
    const [name, subject] = this.isQueueOnRedis ? ['redis', 'Redis'] : ['queue', 'the queue'];
    const indicator = this.indicators.check(name);
    const { reachable, warnings } = await within(TIMEOUT_MS, () => this.queue.health(), NO_ANSWER);
    // Only the log gets the reason, because the text may name hosts.
    if (!reachable) return indicator.down(`${subject} does not answer`);
    return warnings.length > 0 ? indicator.degraded({ warnings }) : indicator.up();
  }

  /** Beside another queue, Redis has what replicas share; without `REDIS_URL` there is no entry. */
  async redisBesideTheQueue(): Promise<HealthIndicatorResult> {
    if (this.isQueueOnRedis || !this.connections.isConfigured) return {};
    const indicator = this.indicators.check('redis');
    const answer = await within(TIMEOUT_MS, () => this.connections.failFast.ping(), undefined);
    return answer === undefined ? indicator.degraded({ advice: BESIDE_ADVICE }) : indicator.up();
  }

  private get isQueueOnRedis(): boolean {
    return this.queue instanceof BullMessageQueue;
  }

  /** Degraded while a notification has waited for more than 15 minutes, for any reason; dead letters do not count. */
  async notifications(): Promise<HealthIndicatorResult> {
    const indicator = this.indicators.check('notifications');
    const counts = await within(TIMEOUT_MS, () => this.queue.counts(), undefined);
    // The entry of the store reports whether it answers.
    if (!counts) return indicator.up();
    const details = { oldestUnfinishedSeconds: ageSeconds(counts.oldestUnfinishedAt) };
    return details.oldestUnfinishedSeconds > STUCK_SECONDS
      ? indicator.degraded({ ...details, advice: STUCK_ADVICE })
      : indicator.up(details);
  }

  /** Degraded while an operator has paused an account. */
  async accounts(): Promise<HealthIndicatorResult> {
    const indicator = this.indicators.check('accounts');
    const pauses = await within(TIMEOUT_MS, () => this.queue.pauses(), undefined);
    if (!pauses || pauses.size === 0) return indicator.up();
    const paused = [...pauses].slice(0, MAX_LISTED).map(([account, { since }]) => ({ account, since }));
    return indicator.degraded({ paused, advice: PAUSED_ADVICE });
  }

  /** One entry for each Fluent account and commercetools project. */
  upstreams(): HealthIndicatorResult {
    const results = Object.entries(this.breakers.states()).map(([target, circuit]) => {
      const indicator = this.indicators.check(target);
      const lastCall = this.calls.lastCall(target);
      const refused = this.calls.refused(target);
      const details = {
        circuit,
        ...(lastCall ? { lastCall } : {}),
        ...(refused.length > 0 ? { refused, advice: refusalAdvice(target, refused) } : {}),
      };
      const impaired = circuit !== 'closed' || IMPAIRING.has(lastCall?.outcome) || refused.length > 0;
      return impaired ? indicator.degraded(details) : indicator.up(details);
    });
    return Object.assign({}, ...results) as HealthIndicatorResult;
  }

  /** Degraded for an hour after a hook could not do its part. */
  orderStatusHooks(): HealthIndicatorResult {
    const indicator = this.indicators.check('hooks');
    const failures = this.hooks.failed();
    if (failures.length === 0) return indicator.up();
    const isRecent = failures.some(({ lastAt }) => ageSeconds(lastAt) < RECENT_SECONDS);
    // Only the log gets the reasons, because they quote partners' code and both systems.
    return isRecent ? indicator.degraded({ failures, advice: HOOK_ADVICE }) : indicator.up({ failures });
  }

  settingsCache(): HealthIndicatorResult {
    return this.indicators.check('settingsCache').up({ entries: this.settings.size });
  }

  /** Degraded while a valid setting needs a change, for example a connection without TLS. */
  configuration(): HealthIndicatorResult {
    const indicator = this.indicators.check('configuration');
    const { warnings } = this.config;
    return warnings.length > 0 ? indicator.degraded({ warnings }) : indicator.up();
  }

  /** Mappings that lack a status which another mapping has; degraded if the retailer has no status history to compensate. */
  mappings(): HealthIndicatorResult {
    const indicator = this.indicators.check('mappings');
    const incomplete = this.gaps.get();
    if (incomplete.length === 0) return indicator.up();
    const isMadeUpFor = incomplete.every(({ unavailability }) => unavailability === undefined);
    const details = { incomplete: incomplete.slice(0, MAX_LISTED), advice: ADVICE };
    return isMadeUpFor ? indicator.up(details) : indicator.degraded(details);
  }
}

/** Names the account or project and what it refuses. The texts of errors may name hosts, and are only in the log. */
function refusalAdvice(target: string, refused: readonly RefusedCall[]): string {
  const subject = target
    .replace(/^fluent:/, 'Fluent account ')
    .replace(/^fluent-audit-log:/, 'the audit log of Fluent account ')
    .replace(/^commercetools:/, 'commercetools project ');
  const isAboutCredentials = ({ operation, outcome }: RefusedCall): boolean =>
    operation === 'token' || outcome === 'unauthorized';
  const named = (calls: readonly RefusedCall[]): string => calls.map(({ operation }) => operation).join(', ');
  const credentials = named(refused.filter(isAboutCredentials));
  const others = named(refused.filter((call) => !isAboutCredentials(call)));
  return [
    credentials &&
      `${subject} refuses the credentials (${credentials}): correct user, client, secrets or address.`,
    others && `${subject} refuses ${others}: correct the permissions of the user, the scopes or the address.`,
    'The log has the error of each operation.',
  ]
    .filter(Boolean)
    .join(' ');
}
