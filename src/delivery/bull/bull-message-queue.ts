import { randomBytes } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { getQueueToken } from '@nestjs/bull';
import { Inject, Injectable, Logger, type OnApplicationShutdown } from '@nestjs/common';
import type { Queue } from 'bull';
import { ConnectorConfig } from '../../config/index.js';
import { asError } from '../../errors.js';
import type { FluentNotification } from '../../notification/index.js';
import { FAIL_FAST_TIMEOUT_MS, REDIS_PREFIX, RedisConnections, type RedisClient } from '../../redis/index.js';
import type { Settlement } from '../decide.js';
import type { Delivery } from '../delivery.js';
import { NO_SLOTS_HELD, type HeldSlots } from '../lanes.js';
import {
  MessageQueue,
  QueueUnavailableError,
  type AccountPause,
  type AddOptions,
  type AddResult,
  type DeadLetter,
  type DeadLetterPage,
  type LaneCounts,
  type QueueCounts,
  type QueueHealth,
  type SettleResult,
} from '../message-queue.js';
import { HIGH_WATER_MARK, redisWarnings, usedMemoryShare } from './redis-warnings.js';
import { ScriptRunner, type QueueKeys, type ScriptArguments } from './scripts.js';
import {
  deadLetterData,
  deadLetterOf,
  deliveryOf,
  jobIdOf,
  ticketOf,
  type StoredNotification,
} from './stored-notification.js';

export const QUEUE_NAME = 'notifications';

/** Webhooks waiting for Redis beyond this are refused at once: memory stays bounded while Redis hangs. */
const MAX_UNCONFIRMED = 2000;
/** Numbers and coverage of a key only save runs; after a day without notifications they may go. */
const ORDER_KEY_LIFETIME_SECONDS = 86_400;
/** How long an idle worker waits before it checks for work that no marker announced. */
const MAX_WAIT_MS = 5000;
/** How long replicas may take; less than a sender waits, and than a command may take. */
const REPLICATION_TIMEOUT_MS = 500;
const WARNINGS_TTL_MS = 30_000;
/** Delayed and unfinished jobs that are looked at to count the lanes of the accounts. */
const MOST_LOOKED = 2000;
/** How old the answer may be whether memory is left for another notification. */
const MEMORY_TTL_MS = 1000;

/** The same for every job. The connector decides about attempts and delays, and Bull must not. */
const JOB_OPTIONS = JSON.stringify({
  attempts: Number.MAX_SAFE_INTEGER,
  delay: 0,
  removeOnComplete: true,
  timestamp: 0,
});

/**
 * The queue on Redis, with Bull's keys and jobs. Accepting, taking and settling are one script each, because
 * numbering, coverage and the move of a job must be one atomic step and one round trip. Bull itself reads the dead letters.
 */
@Injectable()
export class BullMessageQueue extends MessageQueue implements OnApplicationShutdown {
  private readonly logger = new Logger('Queue');
  /** The connection for calls whose caller waits for the answer. */
  private readonly failFast: RedisClient;
  private readonly failFastScripts: ScriptRunner;
  /** Where workers wait for Redis to come back. */
  private readonly workerScripts: ScriptRunner;
  private readonly lockToken = randomBytes(12).toString('base64url');
  private readonly held = new Set<string>();
  private blocking?: RedisClient;
  private readonly timers: NodeJS.Timeout[] = [];
  private unconfirmed = 0;
  private nonces = 0;
  private memory?: { isFull: Promise<boolean>; at: number };
  private warnings?: { value: readonly string[]; at: number };

  constructor(
    private readonly config: ConnectorConfig,
    private readonly connections: RedisConnections,
    @Inject(getQueueToken(QUEUE_NAME)) private readonly queue: Queue<StoredNotification>,
  ) {
    super();
    this.failFast = connections.failFast;
    this.failFastScripts = new ScriptRunner(connections.failFast, KEYS);
    this.workerScripts = new ScriptRunner(queue.client, KEYS);
    Object.assign(queue, { onApplicationShutdown: undefined });
    queue.on('error', (error) => this.logger.warn(`queue: ${error.message}`));
  }

  override async add(notification: FluentNotification, options: AddOptions = {}): Promise<AddResult> {
    if (this.unconfirmed >= MAX_UNCONFIRMED) {
      throw new QueueUnavailableError(`Redis has ${MAX_UNCONFIRMED} notifications yet to confirm`);
    }
    this.unconfirmed++;
    try {
      if (!(await this.isNearlyFull())) return await this.accept(notification, options);
    } finally {
      this.unconfirmed--;
    }
    throw new QueueUnavailableError(
      `Redis uses ${HIGH_WATER_MARK * 100} % of its maxmemory or more, and what is left is for the workers; raise maxmemory`,
    );
  }

  /** Without a mark, workers would starve: the ingress takes every byte that they free. */
  private async isNearlyFull(): Promise<boolean> {
    if (!this.memory || Date.now() - this.memory.at > MEMORY_TTL_MS) {
      const isFull = this.failFastScripts.run('describeServer', {}).then(
        (info) => usedMemoryShare(info) >= HIGH_WATER_MARK,
        // Accepting tells by itself why it fails.
        () => false,
      );
      this.memory = { isFull, at: Date.now() };
    }
    return this.memory.isFull;
  }

  private async accept(notification: FluentNotification, options: AddOptions): Promise<AddResult> {
    const { coalesceKey = '', expectedState, background = false, trace } = options;
    const id = jobIdOf(notification);
    // The script puts the number in front, so the brace is left out.
    const data = JSON.stringify({ expectedState, trace, notification }).slice(1);
    const { name } = notification;
    const order = { coalesceKey, nonce: this.nonce(), orderTtlSeconds: ORDER_KEY_LIFETIME_SECONDS };
    const lane = laneOf(notification, background);
    const args = { jobPrefix: JOB_PREFIX, id, name, data, options: JOB_OPTIONS, lane, ...order };
    const keys = { done: doneKey(id), order: orderKey(coalesceKey) };
    try {
      return this.config.queue.redisWaitReplicas === 0
        ? await this.failFastScripts.run('accept', args, keys)
        : await this.acceptOnReplicas(args, keys);
    } catch (error) {
      throw new QueueUnavailableError(`Redis did not confirm the notification: ${asError(error).message}`, {
        cause: error,
      });
    }
  }

  /** Runs the accepting script and waits until replicas have what it wrote. */
  private async acceptOnReplicas(
    args: ScriptArguments<'accept'>,
    keys: Partial<QueueKeys>,
  ): Promise<AddResult> {
    const { redisWaitReplicas } = this.config.queue;
    // One pipeline stays on one connection, and WAIT knows only of its own connection's writes. A duplicate
    // writes nothing, and may not be replicated yet: the mark makes WAIT cover it.
    const replies = await this.failFastScripts
      .inPipeline(this.failFast.pipeline(), 'accept', args, keys)
      .set(key('written'), '1')
      .wait(redisWaitReplicas, REPLICATION_TIMEOUT_MS)
      .exec();
    const [result, , confirmed] = (replies ?? []).map(([error, reply]) => {
      if (error) throw this.relearnSlot(error);
      return reply;
    });
    if (Number(confirmed) < redisWaitReplicas) {
      throw new Error(
        `${Number(confirmed)} of ${redisWaitReplicas} replicas had it after ${REPLICATION_TIMEOUT_MS} ms`,
      );
    }
    return result as AddResult;
  }

  /** A cluster's client follows a slot that has moved with single commands only, not with pipelines. */
  private relearnSlot(error: Error): Error {
    if (error.message.startsWith('MOVED')) void this.learnSlot();
    return error;
  }

  private async learnSlot(): Promise<void> {
    try {
      await this.failFast.exists(KEYS.any);
    } catch (error) {
      this.logger.warn(`queue: could not find the master of the cluster's slot: ${asError(error).message}`);
    }
  }

  override async take(
    max: number,
    signal: AbortSignal,
    held: HeldSlots = NO_SLOTS_HELD,
  ): Promise<readonly Delivery[]> {
    this.startTimers();
    let onAbort = (): void => undefined;
    const aborted = new Promise<undefined>((resolve) => (onAbort = () => resolve(undefined)));
    signal.addEventListener('abort', onAbort, { once: true });
    try {
      return await this.takeUntil(aborted, max, signal, JSON.stringify(held));
    } finally {
      signal.removeEventListener('abort', onAbort);
    }
  }

  private async takeUntil(
    aborted: Promise<undefined>,
    max: number,
    signal: AbortSignal,
    held: string,
  ): Promise<readonly Delivery[]> {
    for (let waitedMs = 0; waitedMs < MAX_WAIT_MS && !signal.aborted;) {
      const taking = this.takeDue(max, held);
      const taken = await Promise.race([taking, aborted]);
      if (signal.aborted) {
        this.giveBack(taking);
        return [];
      }
      if (!taken || taken.isLeft || taken.deliveries.length > 0) return taken?.deliveries ?? [];
      const startedAt = performance.now();
      await Promise.race([this.untilMarked(Math.min(taken.nextDueInMs, MAX_WAIT_MS - waitedMs)), aborted]);
      waitedMs += performance.now() - startedAt;
    }
    return [];
  }

  private async takeDue(
    max: number,
    held: string,
  ): Promise<{ deliveries: Delivery[]; isLeft: boolean; nextDueInMs: number }> {
    const [isLeft, nextDueInMs, nowMs, taken] = await this.workerScripts.run('take', {
      jobPrefix: JOB_PREFIX,
      orderPrefix: orderKey(''),
      lockToken: this.lockToken,
      lockMs: this.config.queue.lockDurationMs,
      max,
      held,
      nonce: this.nonce(),
      orderTtlSeconds: ORDER_KEY_LIFETIME_SECONDS,
    });
    const deliveries = taken.map((reply) => deliveryOf(reply, nowMs));
    for (const { id } of deliveries) this.held.add(id);
    return {
      deliveries,
      isLeft: isLeft === 1,
      nextDueInMs: nextDueInMs === '' ? MAX_WAIT_MS : nextDueInMs,
    };
  }

  /** Returns jobs that arrive after their worker has stopped to other workers at once. */
  private giveBack(taking: Promise<{ deliveries: Delivery[] }>): void {
    taking
      .then(async ({ deliveries }) => {
        await Promise.all(
          deliveries.map((delivery) => {
            const { progress, background } = delivery;
            return this.settle(delivery, { action: 'defer', delayMs: 0, progress, background });
          }),
        );
      })
      .catch((error: unknown) => {
        this.logger.warn(
          `queue: notifications wait for their locks to end, for they could not be given back: ${asError(error).message}`,
        );
      });
  }

  /** Resolves when a notification was added, or the time is over. */
  private async untilMarked(timeoutMs: number): Promise<void> {
    this.blocking ??= this.connections.reconnecting('take');
    try {
      await this.blocking.bzpopmin(KEYS.marker, Math.max(Math.ceil(timeoutMs), 1) / 1000);
    } catch (error) {
      // The server has become a replica. The next script finds the new master.
      if (!asError(error).message.startsWith('UNBLOCKED')) throw error;
    }
  }

  override async renew(delivery: Delivery): Promise<Delivery> {
    const { coalesceKey } = delivery;
    if (coalesceKey === undefined) return delivery;
    const reply = await this.orRelease(delivery, () =>
      this.workerScripts.run(
        'renewTicket',
        { nonce: this.nonce(), orderTtlSeconds: ORDER_KEY_LIFETIME_SECONDS },
        { order: orderKey(coalesceKey) },
      ),
    );
    return { ...delivery, ...ticketOf(reply) };
  }

  override async settle(delivery: Delivery, settlement: Settlement): Promise<SettleResult> {
    return this.orRelease(delivery, () => this.settleHeld(delivery, settlement));
  }

  /** A delivery that its worker could not go on with is not kept locked: it goes to another one when its lock ends. */
  private async orRelease<T>({ id }: Delivery, work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (error) {
      this.held.delete(id);
      throw error;
    }
  }

  private async settleHeld(delivery: Delivery, settlement: Settlement): Promise<SettleResult> {
    const { id, coalesceKey, ticket } = delivery;
    const { action } = settlement;
    const coverage = 'coverage' in settlement ? settlement.coverage : undefined;
    const isRetry = action === 'retry';
    const isDead = action === 'dead';
    const result = await this.workerScripts.run(
      'settle',
      {
        jobPrefix: JOB_PREFIX,
        id,
        lockToken: this.lockToken,
        epoch: ticket.epoch ?? '',
        ticket: ticket.number,
        run: runOf(settlement),
        covered: coverage?.number ?? '',
        observed: coverage?.observedState ?? '',
        notBeforeInMs: isRetry ? settlement.holdKeyMs : '',
        ownAge: isRetry && settlement.hasOwnAge ? '1' : '0',
        action,
        delayMs: 'delayMs' in settlement ? Math.ceil(settlement.delayMs) : 0,
        lane: laneOf(
          delivery.notification,
          'background' in settlement ? (settlement.background ?? false) : delivery.background,
        ),
        parkedFor: action === 'defer' ? (settlement.error?.target ?? '') : '',
        progress: isDead
          ? ''
          : JSON.stringify(action === 'done' ? (settlement.ifOutrun ?? {}) : settlement.progress),
        data: isDead ? JSON.stringify(deadLetterData(delivery, settlement.progress)) : '',
        reason: isDead ? (settlement.progress.error?.message ?? '') : '',
        doneTtlSeconds:
          (action === 'done' ? settlement.dedupeWindowSeconds : undefined) ??
          this.config.queue.dedupeWindowSeconds,
        orderTtlSeconds: ORDER_KEY_LIFETIME_SECONDS,
      },
      { done: doneKey(id), order: orderKey(coalesceKey ?? '') },
    );
    this.held.delete(id);
    if (result !== 'missing') return result;
    await this.restore(delivery);
    return action === 'done' ? 'outrun' : 'settled';
  }

  /** Redis has lost the notification, but this process still has it. */
  private async restore({
    notification,
    coalesceKey,
    expectedState,
    background,
    trace,
  }: Delivery): Promise<void> {
    this.logger.warn(`queue: Redis lost notification ${notification.id}; it is added again`);
    await this.accept(notification, { coalesceKey, expectedState, background, trace });
  }

  /** From the first notification on, this process keeps its locks and looks for jobs of dead workers. */
  private startTimers(): void {
    if (this.timers.length > 0) return;
    const { lockDurationMs } = this.config.queue;
    const logged = (work: Promise<unknown>): void => {
      work.catch((error: unknown) => this.logger.warn(`queue: ${asError(error).message}`));
    };
    const recover = (): void =>
      logged(
        this.workerScripts.run('recover', {
          jobPrefix: JOB_PREFIX,
          orderPrefix: orderKey(''),
          nonce: this.nonce(),
          orderTtlSeconds: ORDER_KEY_LIFETIME_SECONDS,
        }),
      );
    this.timers.push(
      setInterval(() => logged(this.renewLocks()), lockDurationMs / 2).unref(),
      setInterval(recover, lockDurationMs).unref(),
    );
    recover();
  }

  private async renewLocks(): Promise<void> {
    if (this.held.size === 0) return;
    await this.workerScripts.run('renewLocks', {
      jobPrefix: JOB_PREFIX,
      lockToken: this.lockToken,
      lockMs: this.config.queue.lockDurationMs,
      ids: JSON.stringify([...this.held]),
    });
  }

  /** In place of the hook of @nestjs/bull, which waits for Redis without limit. */
  async onApplicationShutdown(): Promise<void> {
    for (const timer of this.timers) clearInterval(timer);
    this.blocking?.disconnect();
    await Promise.race([this.queue.close(true), delay(FAIL_FAST_TIMEOUT_MS, undefined, { ref: false })]);
  }

  override async counts(): Promise<QueueCounts> {
    const [waiting, active, delayed, dead, oldestMs] = await this.failFastScripts.run('count', {
      jobPrefix: JOB_PREFIX,
    });
    const oldestUnfinishedAt = oldestMs === '' ? undefined : new Date(Number(oldestMs));
    return { waiting, active, delayed, dead, oldestUnfinishedAt };
  }

  override async pause(accountId: string, { by, since, reason }: AccountPause): Promise<AccountPause> {
    const text = JSON.stringify({ by, since: since.getTime(), reason });
    await this.failFast.hsetnx(KEYS.paused, accountId, text);
    const stored = await this.failFast.hget(KEYS.paused, accountId);
    return pauseOf(stored ?? text);
  }

  override async resume(accountId: string): Promise<boolean> {
    return (await this.failFastScripts.run('resume', { accountId })) === 1;
  }

  override async pauses(): Promise<ReadonlyMap<string, AccountPause>> {
    const all = Object.entries(await this.failFast.hgetall(KEYS.paused));
    return new Map(all.map(([accountId, text]) => [accountId, pauseOf(text)]));
  }

  override async lanes(): Promise<readonly LaneCounts[]> {
    const args = { jobPrefix: JOB_PREFIX, mostLooked: MOST_LOOKED };
    const lanes = await this.failFastScripts.run('countLanes', args);
    return lanes.map(([accountId, waiting, background, running, delayed, oldestMs]) => ({
      accountId,
      waiting,
      background,
      running,
      delayed,
      oldestUnfinishedAt: oldestMs === '' ? undefined : new Date(Number(oldestMs)),
    }));
  }

  override async health(): Promise<QueueHealth> {
    try {
      // Of the server that has our keys; PING may ask any of a cluster.
      await this.failFast.exists(KEYS.any);
      if (!this.warnings || Date.now() - this.warnings.at > WARNINGS_TTL_MS) {
        const info = await this.failFastScripts.run('describeServer', {});
        this.warnings = {
          value: redisWarnings(info, {
            hasFailover: this.connections.hasFailover,
            waitReplicas: this.config.queue.redisWaitReplicas,
          }),
          at: Date.now(),
        };
      }
      return { reachable: true, warnings: this.warnings.value };
    } catch (error) {
      return { reachable: false, warnings: [`Redis does not answer: ${asError(error).message}`] };
    }
  }

  override async deadLetters({ after, limit = 50 }: DeadLetterPage = {}): Promise<readonly DeadLetter[]> {
    const idsAndScores = await this.failFastScripts.run('deadLetters', {
      afterMs: after?.diedAt.getTime() ?? 0,
      afterId: after?.id ?? '',
      limit,
    });
    const letters = await Promise.all(
      pairs(idsAndScores).map(async ([id, score]) => {
        const job = await this.queue.getJob(id);
        // The next page begins at this score.
        return job && deadLetterOf(id, job.data, Number(score));
      }),
    );
    return letters.filter((letter) => letter !== null);
  }

  override async deadLetter(id: string): Promise<DeadLetter | undefined> {
    const job = await this.queue.getJob(id);
    return job && (await job.isFailed()) ? deadLetterOf(id, job.data, job.finishedOn ?? 0) : undefined;
  }

  override async replay(id: string): Promise<boolean> {
    const job = await this.queue.getJob(id);
    if (!job) return false;
    const { progress: _progress, ...fresh } = job.data;
    const lane = laneOf(fresh.notification, true);
    const args = { jobPrefix: JOB_PREFIX, id, data: JSON.stringify(fresh), lane };
    return (await this.workerScripts.run('replay', args)) === 1;
  }

  override async discard(id: string): Promise<boolean> {
    return (await this.workerScripts.run('discard', { jobPrefix: JOB_PREFIX, id })) === 1;
  }

  override async wake(target: string): Promise<void> {
    let left: number;
    do left = await this.workerScripts.run('wake', { jobPrefix: JOB_PREFIX, target });
    while (left > 0);
  }

  /** Unique, also after a server came back without the keys that were made with earlier ones. */
  private nonce(): string {
    return `${this.lockToken}${(this.nonces++).toString(36)}`;
  }
}

function key(name: string): string {
  return `${REDIS_PREFIX}:${QUEUE_NAME}:${name}`;
}

const JOB_PREFIX = key('');

/** Bull's keys, and ours beside them. */
const KEYS: QueueKeys = {
  wait: key('wait'),
  active: key('active'),
  delayed: key('delayed'),
  failed: key('failed'),
  marker: key('marker'),
  unfinished: key('unfinished'),
  paused: key('paused'),
  any: key('id'),
  done: key('id'),
  order: key('id'),
};

function doneKey(jobId: string): string {
  return `${REDIS_PREFIX}:done:${jobId}`;
}

function orderKey(coalesceKey: string): string {
  return `${REDIS_PREFIX}:order:${coalesceKey}`;
}

function laneOf({ accountId }: FluentNotification, background: boolean): string {
  return `${background ? 'background' : 'prompt'}:${accountId}`;
}

function pauseOf(text: string): AccountPause {
  const pause = JSON.parse(text) as Omit<AccountPause, 'since'> & { since: number };
  return { ...pause, since: new Date(pause.since) };
}

function runOf(settlement: Settlement): 'changed' | 'unchanged' | 'failed' | '' {
  const run = 'run' in settlement ? settlement.run : undefined;
  if (!run) return '';
  if (run.changed === undefined) return 'failed';
  return run.changed ? 'changed' : 'unchanged';
}

/** @returns the texts in pairs, as Redis sends members with their scores. */
function pairs(texts: readonly string[]): [string, string][] {
  return Array.from({ length: texts.length / 2 }, (_, index) => [texts[2 * index]!, texts[2 * index + 1]!]);
}
