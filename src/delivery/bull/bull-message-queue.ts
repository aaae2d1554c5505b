import { setTimeout as delay } from 'node:timers/promises';
import { getQueueToken } from '@nestjs/bull';
import { Inject, Injectable, Logger, type OnApplicationShutdown } from '@nestjs/common';
import type { Job, Queue } from 'bull';
import type { ChainableCommander } from 'ioredis';
import { ConnectorConfig } from '../../config/index.js';
import { TransientError } from '../../errors.js';
import type { FluentNotification } from '../../notification/index.js';
import { FAIL_FAST_TIMEOUT_MS, REDIS_PREFIX, RedisConnections, type RedisClient } from '../../redis/index.js';
import { currentTrace } from '../../tracing/index.js';
import {
  HandBack,
  MessageQueue,
  QueueUnavailableError,
  type DeadLetter,
  type EnqueueOptions,
  type EnqueueResult,
  type NotificationProcessor,
  type ProcessResult,
  type QueueHealth,
  type QueueState,
  type RunReport,
} from '../message-queue.js';
import { decideRetry, describeError } from '../retry-schedule.js';
import { JobGate } from './job-gate.js';
import {
  acceptedAtMs,
  historyOf,
  jobIdOf,
  lagMsOf,
  type Look,
  type NotificationJobData,
} from './notification-job.js';
import { redisWarnings } from './redis-warnings.js';
import { DeadLetterSignal, RunLaterSignal } from './run-signals.js';
import { defineQueueCommands, type AcceptInPipeline, type QueueCommands } from './scripts.js';
import { inRunSpan, inSendSpan } from './spans.js';

export const QUEUE_NAME = 'notifications';

/** Webhooks waiting for Redis beyond this are refused at once: memory stays bounded while Redis hangs. */
const MAX_UNCONFIRMED = 2000;
/** The keys that coalesce are only an optimisation once a day has passed; losing one costs one more run. */
const ORDER_KEY_LIFETIME_SECONDS = 86_400;
/** A job that waits this long for another run of its order gives its place to other orders. */
const MAX_GATE_WAIT_MS = 2000;
/** From this many deaths of workers on, a job that may be their cause is backed off. */
const SUSPICIOUS_STALLS = 3;
/** After the time for running work is up: how long handlers that honour the abort signal have to hand back. */
const HAND_BACK_MS = 1000;
/** How long replicas may take; less than a sender waits, and than a command may take. */
const REPLICATION_TIMEOUT_MS = 500;
const WARNINGS_TTL_MS = 30_000;

/** The same for every notification. */
const JOB_OPTIONS = JSON.stringify({
  // Bull's own limit must never decide: the age of a notification does.
  attempts: Number.MAX_SAFE_INTEGER,
  backoff: { type: 'signal' },
  delay: 0,
  removeOnComplete: true,
  stackTraceLimit: 1,
});

type NotificationJob = Job<NotificationJobData>;

/**
 * The queue on Bull and Redis. Bull keeps, delays and hands out jobs and recovers those of dead workers;
 * duplicates, coalescing, the retry schedule and dead letters are decided here.
 */
@Injectable()
export class BullMessageQueue extends MessageQueue implements OnApplicationShutdown {
  private readonly logger = new Logger('Queue');
  private readonly failFast: RedisClient & QueueCommands;
  private readonly working: RedisClient & QueueCommands;
  private readonly gate = new JobGate();
  private readonly abort = new AbortController();
  private readonly running = new Set<Promise<unknown>>();
  private readonly queueKeys: string[];
  private unconfirmed = 0;
  private warnings?: { value: readonly string[]; at: number };

  constructor(
    private readonly config: ConnectorConfig,
    private readonly connections: RedisConnections,
    @Inject(getQueueToken(QUEUE_NAME)) private readonly queue: Queue<NotificationJobData>,
  ) {
    super();
    this.failFast = defineQueueCommands(connections.failFast);
    this.working = defineQueueCommands(queue.client);
    this.queueKeys = ['wait', 'paused', 'meta-paused', 'id', 'delayed', 'priority'].map((name) =>
      this.key(name),
    );
    Object.assign(queue, { onApplicationShutdown: undefined });
    queue.on('error', (error) => this.logger.warn(`queue: ${error.message}`));
  }

  override async enqueue(
    notification: FluentNotification,
    options: EnqueueOptions = {},
  ): Promise<EnqueueResult> {
    return inSendSpan(notification, () => this.add(notification, options));
  }

  private async add(
    notification: FluentNotification,
    { coalesceKey, announces }: EnqueueOptions,
  ): Promise<EnqueueResult> {
    if (this.unconfirmed >= MAX_UNCONFIRMED) {
      throw new QueueUnavailableError(`Redis has ${MAX_UNCONFIRMED} notifications yet to confirm`);
    }
    const id = jobIdOf(notification);
    // The script puts the number in front, so the brace is left out.
    const data = JSON.stringify({ coalesceKey, announces, trace: currentTrace(), notification }).slice(1);
    this.unconfirmed++;
    try {
      const result = await this.accept(
        ...this.queueKeys,
        doneKey(id),
        coalesceKey === undefined ? this.key('id') : orderKey(coalesceKey),
        this.key('failed'),
        this.key(''),
        id,
        notification.name,
        data,
        JOB_OPTIONS,
        Date.now(),
        0,
        0,
        0,
        'LPUSH',
        '',
        '',
        '',
        '',
        ORDER_KEY_LIFETIME_SECONDS,
        coalesceKey === undefined ? '0' : '1',
      );
      return result === 'duplicate' ? 'duplicate' : 'accepted';
    } catch (error) {
      throw new QueueUnavailableError(`Redis did not confirm the notification: ${asError(error).message}`, {
        cause: error,
      });
    } finally {
      this.unconfirmed--;
    }
  }

  /** Runs the accepting script and, when replicas are asked for, waits until they have what it wrote. */
  private async accept(...keysAndArguments: (string | number)[]): Promise<string> {
    const { redisWaitReplicas } = this.config.queue;
    if (redisWaitReplicas === 0) return this.failFast.acceptNotification(...keysAndArguments);
    // One pipeline stays on one connection, and WAIT knows only of its own connection's writes. A duplicate
    // writes nothing, and may not be replicated yet: the mark makes WAIT cover it.
    const pipeline = this.failFast.pipeline() as ChainableCommander & AcceptInPipeline;
    const replies = await pipeline
      .acceptNotification(...keysAndArguments)
      .set(this.key('written'), '1')
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
    return String(result);
  }

  private async learnSlot(): Promise<void> {
    try {
      await this.failFast.exists(this.key('id'));
    } catch (error) {
      this.logger.warn(`queue: could not find the master of the cluster's slot: ${asError(error).message}`);
    }
  }

  /** A cluster's client follows a slot that has moved with single commands only, not with pipelines. */
  private relearnSlot(error: Error): Error {
    if (error.message.startsWith('MOVED')) {
      void this.learnSlot();
    }
    return error;
  }

  override async process(processor: NotificationProcessor, report: (run: RunReport) => void): Promise<void> {
    await this.queue.isReady();
    // Resolves only when the queue is closed.
    this.queue
      .process('*', this.config.queue.concurrency, (job: NotificationJob) =>
        this.tracked(inRunSpan(job.data, report, (reportInSpan) => this.run(job, processor, reportInSpan))),
      )
      .catch((error: unknown) => this.logger.error(`queue: processing ended: ${String(error)}`));
  }

  private async tracked(run: Promise<void>): Promise<void> {
    this.running.add(run);
    try {
      await run;
    } finally {
      this.running.delete(run);
    }
  }

  /** One run of a job: covered already, or run it, then remember what was done. */
  private async run(
    job: NotificationJob,
    processor: NotificationProcessor,
    report: (run: RunReport) => void,
  ): Promise<void> {
    const { coalesceKey } = job.data;
    const release =
      coalesceKey === undefined ? undefined : await this.gate.enter(coalesceKey, MAX_GATE_WAIT_MS);
    if (release === 'busy') throw new RunLaterSignal(Math.ceil(Math.random() * MAX_GATE_WAIT_MS));
    try {
      await this.runAlone(job, processor, report);
    } finally {
      release?.();
    }
  }

  private async runAlone(
    job: NotificationJob,
    processor: NotificationProcessor,
    report: (run: RunReport) => void,
  ): Promise<void> {
    const { data } = job;
    const { notification, coalesceKey, announces } = data;
    const lookAgainUs = this.config.queue.lookAgainDelayMs * 1000;
    const [number, covered, saw, stalls] = await this.working.beginRun(
      this.key(String(job.id)),
      coalesceKey === undefined ? this.key('id') : orderKey(coalesceKey),
      ORDER_KEY_LIFETIME_SECONDS,
      coalesceKey === undefined ? '0' : '1',
    );
    const attempt = historyOf(data).attempts + 1;

    /** Whether a run that drew `runNumber` and saw `state` leaves nothing to do for this notification. */
    const settledBy = (runNumber: number, state: string | null | undefined): boolean =>
      announces === undefined || state === announces || runNumber >= data.number + lookAgainUs;

    if (covered !== null && Number(covered) > data.number) {
      const look = data.firstLook ?? { outcome: 'superseded', lagMs: lagMsOf(data) };
      if (settledBy(Number(covered), saw)) {
        await this.markDone(job);
        report({ notification, ...look, attempt });
        return;
      }
      const isTimeToLook = Number(number) >= data.number + lookAgainUs;
      if (!isTimeToLook) await this.lookAgain(job, number, look);
    }

    let result: ProcessResult;
    try {
      await this.backOffAfterDeaths(job, Number(stalls));
      result = await processor(notification, {
        attempt,
        acceptedAt: new Date(acceptedAtMs(data)),
        signal: this.abort.signal,
      });
    } catch (error) {
      throw await this.failed(job, error, attempt, report);
    }

    const look = combineLooks(data.firstLook, {
      outcome: result.outcome,
      lagMs: lagMsOf(data),
    });
    const state = result.saw ?? '';
    if (result.saw !== undefined && !settledBy(Number(number), result.saw)) {
      if (coalesceKey !== undefined) {
        await this.working.coverRun(orderKey(coalesceKey), number, state, ORDER_KEY_LIFETIME_SECONDS);
      }
      await this.lookAgain(job, number, look);
    }
    const done = doneKey(String(job.id));
    await this.working.finishRun(
      coalesceKey === undefined || result.covers === false ? done : orderKey(coalesceKey),
      done,
      number,
      state,
      ORDER_KEY_LIFETIME_SECONDS,
      this.config.queue.dedupeWindowSeconds,
    );
    report({ notification, ...look, attempt });
  }

  /** The mark is written after the work: a worker that dies in between leaves a job that is run again. */
  private async markDone(job: NotificationJob): Promise<void> {
    await this.working.set(doneKey(String(job.id)), '1', 'EX', this.config.queue.dedupeWindowSeconds);
  }

  /**
   * The notification may have overtaken the sender's write: run it once more, a few seconds after it was
   * accepted. Waking times are rounded up, so that the notifications of a burst wake together and one
   * run covers them all.
   */
  private async lookAgain(job: NotificationJob, number: string, firstLook: Look): Promise<never> {
    const { lookAgainDelayMs } = this.config.queue;
    const dueMs = Math.ceil(acceptedAtMs(job.data) / lookAgainDelayMs + 1) * lookAgainDelayMs;
    await job.update({ ...job.data, firstLook });
    throw new RunLaterSignal(Math.max(1, dueMs - Math.floor(Number(number) / 1000)));
  }

  /**
   * A job that is found without its worker is run again at once; one whose workers keep dying may be the
   * cause, and is treated as a transient failure so that it does not take the service down in a loop.
   */
  private async backOffAfterDeaths(job: NotificationJob, stalls: number): Promise<void> {
    if (stalls < SUSPICIOUS_STALLS || stalls <= (job.data.stallsSeen ?? 0)) return;
    await job.update({ ...job.data, stallsSeen: stalls });
    throw new TransientError(`${stalls} workers died while they ran this notification`, { code: 'Stalled' });
  }

  /** @returns what to throw at Bull, which acts on it. */
  private async failed(
    job: NotificationJob,
    error: unknown,
    attempt: number,
    report: (run: RunReport) => void,
  ): Promise<Error> {
    // Handed back by the shutdown, not failed: another worker takes it over at once.
    if (this.abort.signal.aborted) return new RunLaterSignal(1);
    if (error instanceof HandBack) return new RunLaterSignal(error.delayMs);

    const now = Date.now();
    const { notification } = job.data;
    const decision = decideRetry(error, historyOf(job.data), this.config.queue.retry, now);
    await job.update({ ...job.data, history: decision.history, error: describeError(error) });
    const run = { notification, attempt, lagMs: lagMsOf(job.data), error: asError(error) };
    if (decision.next === 'dead') {
      report({ ...run, outcome: 'dead' });
      return new DeadLetterSignal(asError(error).message);
    }
    report({ ...run, outcome: 'retried', delayMs: decision.delayMs });
    return new RunLaterSignal(decision.delayMs);
  }

  override async drain(timeoutMs: number): Promise<void> {
    const paused = this.queue.pause(true, true).catch((error: unknown) => {
      this.logger.warn(`queue: could not stop taking notifications: ${String(error)}`);
    });
    // While Redis is away Bull waits for it; nothing is taken then either.
    await Promise.race([paused, delay(FAIL_FAST_TIMEOUT_MS)]);
    await this.settled(timeoutMs);
    if (this.running.size === 0) return;
    this.logger.warn(`${this.running.size} notifications did not end in time and are handed back`);
    this.abort.abort(new Error('shutting down'));
    await this.settled(HAND_BACK_MS);
  }

  private async settled(timeoutMs: number): Promise<void> {
    const timeUp = new AbortController();
    const all = (async () => {
      while (this.running.size > 0 && !timeUp.signal.aborted) await Promise.allSettled(this.running);
    })();
    await Promise.race([all, delay(timeoutMs, undefined, { signal: timeUp.signal }).catch(() => undefined)]);
    timeUp.abort();
  }

  /** In place of the hook of @nestjs/bull, which waits for running jobs, and for Redis, without limit. */
  async onApplicationShutdown(): Promise<void> {
    await Promise.race([this.queue.close(true), delay(FAIL_FAST_TIMEOUT_MS)]);
  }

  override async counts(): Promise<Record<QueueState, number>> {
    const replies = await this.failFast
      .pipeline()
      .llen(this.key('wait'))
      .llen(this.key('paused'))
      .llen(this.key('active'))
      .zcard(this.key('delayed'))
      .zcard(this.key('failed'))
      .exec();
    const [waiting = 0, paused = 0, active = 0, delayed = 0, dead = 0] = (replies ?? []).map(
      ([error, count]) => {
        if (error) throw error;
        return Number(count);
      },
    );
    return { waiting: waiting + paused, active, delayed, dead };
  }

  override async health(): Promise<QueueHealth> {
    try {
      // Of the server that has our keys; PING may ask any of a cluster.
      await this.failFast.exists(this.key('id'));
      if (!this.warnings || Date.now() - this.warnings.at > WARNINGS_TTL_MS) {
        this.warnings = {
          value: redisWarnings(await this.failFast.describeServer(this.key('id')), {
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

  override async deadLetters({ offset = 0, limit = 50 } = {}): Promise<readonly DeadLetter[]> {
    const jobs = await this.queue.getFailed(offset, offset + limit - 1);
    return jobs.filter((job) => job !== null).map(deadLetterOf);
  }

  override async deadLetter(id: string): Promise<DeadLetter | undefined> {
    const job = await this.queue.getJob(id);
    return job && (await job.isFailed()) ? deadLetterOf(job) : undefined;
  }

  override async replay(id: string): Promise<boolean> {
    const job = await this.queue.getJob(id);
    if (!job || !(await job.isFailed())) return false;
    const { history: _history, error: _error, stallsSeen: _stallsSeen, ...fresh } = job.data;
    await job.update(fresh);
    try {
      await job.retry();
      return true;
    } catch (error) {
      // Somebody else replayed it in between.
      if (!(await job.isFailed())) return false;
      throw error;
    }
  }

  override async replayAll(): Promise<number> {
    // The ids of now: one that dies again meanwhile is not replayed in a circle.
    const ids = await this.working.zrange(this.key('failed'), 0, -1);
    let replayed = 0;
    for (const id of ids) if (await this.replay(id)) replayed++;
    return replayed;
  }

  private key(name: string): string {
    return `${REDIS_PREFIX}:${QUEUE_NAME}:${name}`;
  }
}

function doneKey(jobId: string): string {
  return `${REDIS_PREFIX}:done:${jobId}`;
}

function orderKey(coalesceKey: string): string {
  return `${REDIS_PREFIX}:order:${coalesceKey}`;
}

/** A second look that changed nothing leaves the first one's outcome and lag. */
function combineLooks(first: Look | undefined, second: Look): Look {
  return first && second.outcome !== 'updated' ? first : second;
}

function deadLetterOf(job: NotificationJob): DeadLetter {
  const { data } = job;
  const { attempts, firstFailedAt } = historyOf(data);
  return {
    id: String(job.id),
    notification: data.notification,
    error: data.error ?? { name: 'Error', message: job.failedReason ?? 'unknown' },
    attempts,
    acceptedAt: new Date(acceptedAtMs(data)),
    firstFailedAt: firstFailedAt === undefined ? undefined : new Date(firstFailedAt),
    diedAt: new Date(job.finishedOn ?? Date.now()),
  };
}

function asError(error: unknown): Error {
  return error instanceof Error ? error : new Error(String(error));
}
