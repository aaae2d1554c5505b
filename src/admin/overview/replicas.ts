import { randomBytes } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import {
  Injectable,
  Logger,
  type BeforeApplicationShutdown,
  type OnApplicationBootstrap,
} from '@nestjs/common';
import { ConnectorConfig, type ConnectorRole } from '../../config/index.js';
import { NotificationIntake, RunReports, type RunReport } from '../../delivery/index.js';
import { CircuitOpenError, asError } from '../../errors.js';
import { HealthChecks } from '../../health/index.js';
import { ConnectorMetrics } from '../../metrics/index.js';
import { PACKAGE_VERSION } from '../../package-info.js';
import {
  REDIS_PREFIX,
  RedisConnections,
  ScriptRunner,
  loadScripts,
  type RedisClient,
} from '../../redis/index.js';
import { FluentSettingsSource } from '../../settings/index.js';
import { CircuitBreakers, type BreakerState } from '../../transport/index.js';

const KEYS = { replicas: `${REDIS_PREFIX}:replicas`, settingsVersion: `${REDIS_PREFIX}:settings:version` };
const REPLICA = `${REDIS_PREFIX}:replica:`;
const RATES = `${REDIS_PREFIX}:rates:`;
/** How often a replica reports. */
const BEAT_MS = 2000;
/** A replica that has not reported for this time has ended. */
const TTL_MS = 15_000;
/** Minutes of which the rates are shown, and for how long Redis keeps them. */
const MINUTES = 15;
const RATES_TTL_SECONDS = 2 * MINUTES * 60;
const MINUTE_MS = 60_000;
const MAX_PROBLEMS = 20;
const MAX_IGNORED = 100;

interface BeatScripts {
  beat: {
    args: 'replicaPrefix' | 'id' | 'state' | 'ttlMs' | 'ratesPrefix' | 'ratesTtlSeconds' | 'batch';
    each: 'field' | 'number';
    reply: string;
  };
}

const SCRIPTS = loadScripts<BeatScripts>(new URL('.', import.meta.url), { beat: 'beat' });

/** A circuit of one replica that is not closed. */
export interface OpenCircuit {
  readonly target: string;
  readonly state: Exclude<BreakerState, 'closed'>;
  /** Milliseconds since the epoch, within two seconds. */
  readonly since: number;
}

/** Something that the health of one replica reports. */
export interface ReplicaProblem {
  /** As in `/health`, for example `fluent:ACME` or `mappings`. */
  readonly check: string;
  readonly advice?: string;
}

/** Webhooks of one name that no handler took. */
export interface IgnoredWebhooks {
  readonly account: string;
  readonly name: string;
  readonly count: number;
}

/** What a replica reports about itself. */
export interface ReplicaState {
  readonly role: ConnectorRole;
  readonly version: string;
  readonly circuits: readonly OpenCircuit[];
  readonly problems: readonly ReplicaProblem[];
  /** Since its start, the most frequent first. */
  readonly ignored: readonly IgnoredWebhooks[];
}

/** What all replicas did within a minute. */
export interface MinuteRates {
  /** The beginning of the minute, in milliseconds since the epoch. */
  readonly from: number;
  readonly accepted: number;
  /** Runs that ended without an error. */
  readonly finished: number;
  /** Runs that failed and are repeated. */
  readonly retried: number;
  /** Notifications that became dead letters. */
  readonly dead: number;
  /** Milliseconds from acceptance to the end, of all that finished together. */
  readonly lagMs: number;
  readonly lagMsMax: number;
}

type Count = Exclude<keyof MinuteRates, 'from'>;

/**
 * What replicas tell each other by Redis, every two seconds: that they live, what they have counted, which circuits are
 * open, and whether the settings are to be read again. Only while an admin token is configured.
 */
@Injectable()
export class Replicas implements OnApplicationBootstrap, BeforeApplicationShutdown {
  private readonly logger = new Logger('Replicas');
  private readonly id = randomBytes(9).toString('base64url');
  private readonly stop = new AbortController();
  private readonly openSince = new Map<string, number>();
  private counts = new Map<Count, number>();
  /** Sent, without an answer yet. */
  private unconfirmed?: { readonly batch: number; readonly counts: ReadonlyMap<Count, number> };
  private batches = 0;
  private settingsVersion?: string;
  private scripts?: ScriptRunner<BeatScripts, keyof typeof KEYS>;
  private beating: Promise<void> = Promise.resolve();

  constructor(
    private readonly config: ConnectorConfig,
    private readonly breakers: CircuitBreakers,
    private readonly health: HealthChecks,
    private readonly settings: FluentSettingsSource,
    private readonly intake: NotificationIntake,
    private readonly reports: RunReports,
    private readonly metrics: ConnectorMetrics,
    private readonly connections: RedisConnections,
  ) {}

  private get redis(): RedisClient {
    return this.connections.failFast;
  }

  onApplicationBootstrap(): void {
    if (this.config.server.adminTokens.length === 0) return;
    this.intake.onAccepted(() => this.count('accepted', 1));
    this.reports.subscribe((report) => this.countRun(report));
    this.beating = this.beatUntilStopped();
  }

  async beforeApplicationShutdown(): Promise<void> {
    this.stop.abort();
    await this.beating;
  }

  /** @returns the replicas that are alive. @throws Error when Redis does not answer. */
  async list(): Promise<readonly ReplicaState[]> {
    return this.statesOf(await this.redis.zrange(KEYS.replicas, 0, -1));
  }

  /** @returns the webhooks that no handler took in any replica that is alive, the most frequent first. */
  async ignored(): Promise<readonly IgnoredWebhooks[]> {
    const ids = await this.redis.zrange(KEYS.replicas, 0, -1);
    const others = await this.statesOf(ids.filter((id) => id !== this.id));
    const sums = new Map<string, IgnoredWebhooks>();
    // A replica of an earlier version reports none.
    const all = [
      ...(await this.ignoredHere()),
      ...others.flatMap(({ ignored = [] }: Partial<ReplicaState>) => ignored),
    ];
    for (const { account, name, count } of all) {
      const key = JSON.stringify([account, name]);
      sums.set(key, { account, name, count: count + (sums.get(key)?.count ?? 0) });
    }
    return [...sums.values()].toSorted((one, other) => other.count - one.count);
  }

  private async statesOf(ids: readonly string[]): Promise<readonly ReplicaState[]> {
    if (ids.length === 0) return [];
    const texts = await this.redis.mget(ids.map((id) => REPLICA + id));
    return texts.flatMap((text) => (text === null ? [] : [JSON.parse(text) as ReplicaState]));
  }

  private async ignoredHere(): Promise<IgnoredWebhooks[]> {
    const { values } = await this.metrics.unhandledWebhooks.get();
    return values
      .map(({ labels: { account, name }, value }) => ({
        account: String(account),
        name: String(name),
        count: value,
      }))
      .toSorted((one, other) => other.count - one.count)
      .slice(0, MAX_IGNORED);
  }

  /** @returns a line for each of the last minutes, oldest first; the last one is not over. */
  async rates(): Promise<readonly MinuteRates[]> {
    const [seconds] = await this.redis.time();
    const minute = Math.floor(Number(seconds) / 60);
    const minutes = Array.from({ length: MINUTES }, (_, index) => minute - MINUTES + 1 + index);
    const counted = await Promise.all(minutes.map((each) => this.redis.hgetall(RATES + String(each))));
    return counted.map((counts, index) => {
      const count = (field: Count): number => Number(counts[field] ?? 0);
      return {
        from: minutes[index]! * MINUTE_MS,
        accepted: count('accepted'),
        finished: count('finished'),
        retried: count('retried'),
        dead: count('dead'),
        lagMs: count('lagMs'),
        lagMsMax: count('lagMsMax'),
      };
    });
  }

  /** Every replica, this one too, reads each setting again when it needs it next; the others within two seconds. */
  async refreshSettings(): Promise<void> {
    this.settingsVersion = String(await this.redis.incr(KEYS.settingsVersion));
    this.settings.expire();
  }

  private count(field: Count, more: number): void {
    this.counts.set(field, (this.counts.get(field) ?? 0) + more);
  }

  private countRun({ outcome, lagMs, error }: RunReport): void {
    // A deferral behind an open circuit is not an attempt.
    if (error instanceof CircuitOpenError) return;
    if (outcome === 'dead' || outcome === 'retried') return this.count(outcome, 1);
    this.count('finished', 1);
    this.count('lagMs', Math.round(lagMs));
    this.counts.set('lagMsMax', Math.max(this.counts.get('lagMsMax') ?? 0, Math.round(lagMs)));
  }

  private async beatUntilStopped(): Promise<void> {
    const { signal } = this.stop;
    let isAway = false;
    // The connection is still being made. If it cannot be made, the first beat says so.
    await this.connections.opened(signal).catch(() => undefined);
    while (!signal.aborted) {
      try {
        await this.beat();
        isAway = false;
      } catch (error) {
        if (!isAway) this.logger.warn(`the overview lacks this replica: ${asError(error).message}`);
        isAway = true;
      }
      await delay(BEAT_MS, undefined, { signal }).catch(() => undefined);
    }
    try {
      await this.beat();
      // What was counted while an earlier beat had no answer.
      if (this.counts.size > 0) await this.beat();
      await this.redis.zrem(KEYS.replicas, this.id);
    } catch {
      // The others leave it out soon, because it reports no more.
    }
  }

  private async beat(): Promise<void> {
    if (!this.unconfirmed) {
      this.unconfirmed = { batch: ++this.batches, counts: this.counts };
      this.counts = new Map();
    }
    const { batch, counts } = this.unconfirmed;
    this.scripts ??= new ScriptRunner(this.redis, SCRIPTS, KEYS);
    const args = {
      replicaPrefix: REPLICA,
      id: this.id,
      state: JSON.stringify(await this.state()),
      ttlMs: TTL_MS,
      ratesPrefix: RATES,
      ratesTtlSeconds: RATES_TTL_SECONDS,
      batch,
    };
    const items = [...counts].map(([field, number]) => ({ field, number }));
    const version = await this.scripts.run('beat', args, {}, items);
    this.unconfirmed = undefined;
    this.followSettings(version);
  }

  private followSettings(version: string): void {
    if (version === this.settingsVersion) return;
    // Also at the first answer of Redis: what is cached by then may be older than the last refresh.
    this.settingsVersion = version;
    this.settings.expire();
  }

  private async state(): Promise<ReplicaState> {
    const { role } = this.config;
    const problems = Object.entries(this.health.ofThisReplica())
      .filter(([, { status }]) => status !== 'up')
      .slice(0, MAX_PROBLEMS)
      .map(([check, { advice }]) => ({ check, ...(typeof advice === 'string' && { advice }) }));
    const ignored = await this.ignoredHere();
    return { role, version: PACKAGE_VERSION, circuits: this.circuits(), problems, ignored };
  }

  private circuits(): OpenCircuit[] {
    return Object.entries(this.breakers.states()).flatMap(([target, state]) => {
      if (state === 'closed') {
        this.openSince.delete(target);
        return [];
      }
      const since = this.openSince.get(target) ?? Date.now();
      this.openSince.set(target, since);
      return [{ target, state, since }];
    });
  }
}
