import { createHash } from 'node:crypto';
import { Injectable } from '@nestjs/common';
import { PermanentError, TransientError } from '../errors.js';
import { FluentEndpoints, type FluentRequestOptions, type FluentScope } from '../fluent/index.js';
import { type BatchEntity, type EntityBatch, type InventoryEntity, batchesOf } from './batch-entity.js';
import { type BatchStatus, JobApi, type JobStatus } from './job-api.js';
import { type BatchRecord, type EntityFailure, type JobDay, LoadState } from './load-state.js';
import { Backoff, type BackoffOptions, retryTransient } from './backoff.js';

/** Options of {@link FluentBatches.load}. */
export interface LoadOptions extends FluentScope, FluentRequestOptions {
  /**
   * Identifies the load across restarts. To resume an interrupted load, call `load` with the same id and
   * the same entities in the same order. Another call for a finished load sends nothing, until you call
   * {@link FluentBatches.forget}. Without an id, you cannot resume the load.
   */
  readonly loadId?: string;
  /** `INVENTORY` by default. */
  readonly entityType?: string;
  /** `UPSERT` by default. */
  readonly action?: string;
  /** Called after every step; must not throw. */
  readonly onProgress?: (progress: LoadProgress) => void;
  /** How many batches Fluent processes at the same time, 1 to 10; 3 by default. The connector holds this many in memory. */
  readonly batchesAtOnce?: number;
  /** How often and how long to poll a batch; by default, every 0.5 s growing to 15 s, for an hour. */
  readonly polling?: Partial<BackoffOptions>;
  /** How to retry calls with transient failures; for 15 minutes by default. */
  readonly retrying?: Partial<BackoffOptions>;
  /** Milliseconds since 1970; decides the day. */
  readonly now?: () => number;
}

/** The progress of a load. The counts of entities come from Fluent. */
export interface LoadProgress {
  readonly batchesSent: number;
  readonly batchesDone: number;
  /** How many of the finished batches an earlier run had finished. */
  readonly batchesResumed: number;
  readonly entitiesSent: number;
  readonly entitiesDone: number;
  readonly entitiesFailed: number;
}

/** The result of a load. */
export interface LoadResult extends LoadProgress {
  readonly jobIds: readonly string[];
  /** The first thousand; `entitiesFailed` counts all. */
  readonly failures: readonly EntityFailure[];
}

const POLLING: BackoffOptions = { baseDelayMs: 500, maxDelayMs: 15_000, giveUpAfterMs: 3_600_000 };
const RETRYING: BackoffOptions = { baseDelayMs: 500, maxDelayMs: 15_000, giveUpAfterMs: 900_000 };
const MAX_BATCHES_AT_ONCE = 10;
const MAX_FAILURES = 1000;

const FAILED = /^(FAILED|ERROR|CANCELLED|REJECTED)$/;
const DONE = /^(COMPLETE|COMPLETED|SUCCESS)$/;

/**
 * Loads many entities into Fluent through its Batch API. It uses one job for each day (UTC) and retailer, sends batches of
 * at most 5000 entities, and waits until Fluent has processed each batch.
 */
@Injectable()
export class FluentBatches {
  private readonly jobsBeingMade = new Map<string, Promise<string>>();

  constructor(
    private readonly endpoints: FluentEndpoints,
    private readonly state: LoadState,
  ) {}

  /**
   * Sends entities while it reads them, and waits until Fluent has processed all of them. If Fluent refuses an entity,
   * the result lists it as a failure; `load` does not throw.
   *
   * If a call gets no answer, or the process dies before it has recorded a batch, the connector may send that batch
   * twice. This is harmless for `UPSERT`. It never sends a finished batch again.
   *
   * @throws TransientError when Fluent does not answer, or not finish, within the time of the options;
   * call again with the same `loadId` to resume
   * @throws PermanentError or ConfigurationError when Fluent refuses a batch as a whole
   *
   * @example
   * const { entitiesFailed } = await batches.load(readStock(), { loadId: 'stock-2026-03-01' });
   */
  async load<TEntity extends BatchEntity = InventoryEntity>(
    entities: Iterable<TEntity> | AsyncIterable<TEntity>,
    options: LoadOptions = {},
  ): Promise<LoadResult> {
    const atOnce = options.batchesAtOnce ?? 3;
    if (!Number.isInteger(atOnce) || atOnce < 1 || atOnce > MAX_BATCHES_AT_ONCE) {
      throw new RangeError(`batchesAtOnce must be a whole number from 1 to ${MAX_BATCHES_AT_ONCE}`);
    }
    const scope = this.endpoints.retailerOf(options);
    // If one batch fails as a whole, the load stops waiting for the others.
    const ended = new AbortController();
    const signal = options.signal ? AbortSignal.any([options.signal, ended.signal]) : ended.signal;
    const run = new LoadRun(this, options, scope, this.endpoints.rest(scope.accountId), this.state, signal);
    const atFluent = new Set<Promise<void>>();
    try {
      for await (const batch of batchesOf(entities)) {
        const work = run
          .batch(batch)
          .catch((error: unknown) => ended.abort(error))
          .finally(() => atFluent.delete(work));
        atFluent.add(work);
        if (atFluent.size >= atOnce) await Promise.race(atFluent);
        ended.signal.throwIfAborted();
      }
    } catch (error) {
      ended.abort(error);
    }
    await Promise.all(atFluent);
    ended.signal.throwIfAborted();
    return run.result();
  }

  /** Deletes the record of a load, so the next load with this id starts from the beginning. */
  async forget(loadId: string, options: FluentScope = {}): Promise<void> {
    await this.state.forget(stateKey(this.endpoints.retailerOf(options), loadId));
  }

  /**
   * Reads the status of one batch, for example of one that a failure of {@link LoadResult} names.
   *
   * @throws PermanentError when Fluent does not know the batch
   */
  async status(
    jobId: string,
    batchId: string,
    options: FluentScope & FluentRequestOptions = {},
  ): Promise<BatchStatus> {
    return this.api(options).batchStatus(jobId, batchId);
  }

  /**
   * Reads the status of a job and of each of its batches.
   *
   * @throws PermanentError when Fluent does not know the job
   */
  async jobStatus(jobId: string, options: FluentScope & FluentRequestOptions = {}): Promise<JobStatus> {
    const job = await this.api(options).job(jobId);
    if (!job) throw new PermanentError(`Fluent does not know job ${jobId}`);
    return job;
  }

  /** @internal All loads of a day share one job, even if several need it at once. */
  jobOf(day: JobDay, api: JobApi, closed: string | undefined): Promise<string> {
    const key = JSON.stringify(day);
    const running = this.jobsBeingMade.get(key);
    if (running) return running;
    const made = this.findOrMakeJob(day, api, closed).finally(() => this.jobsBeingMade.delete(key));
    this.jobsBeingMade.set(key, made);
    return made;
  }

  private api(options: FluentScope & FluentRequestOptions): JobApi {
    return new JobApi(this.endpoints.rest(this.endpoints.accountOf(options)), options.signal);
  }

  private async findOrMakeJob(day: JobDay, api: JobApi, closed: string | undefined): Promise<string> {
    const known = await this.state.job(day);
    if (known !== undefined && known !== closed) return known;
    const jobId = await api.createJob(`fluent-commercetools-connector ${day.day}`, day.retailerId);
    return this.state.setJob(day, jobId, closed);
  }
}

/** One load under way. */
class LoadRun {
  private readonly api: JobApi;
  private readonly polling: BackoffOptions;
  private readonly retrying: BackoffOptions;
  private readonly loadId: string | undefined;
  private readonly jobIds = new Set<string>();
  private readonly failures: EntityFailure[] = [];
  /** Entities of unfinished batches that Fluent has processed, by batch. */
  private readonly partly = new Map<number, number>();
  private progress = {
    batchesSent: 0,
    batchesDone: 0,
    batchesResumed: 0,
    entitiesSent: 0,
    entitiesDone: 0,
    entitiesFailed: 0,
  };

  constructor(
    private readonly batches: FluentBatches,
    private readonly options: LoadOptions,
    private readonly scope: Required<FluentScope>,
    rest: ConstructorParameters<typeof JobApi>[0],
    private readonly state: LoadState,
    private readonly signal: AbortSignal,
  ) {
    this.api = new JobApi(rest, signal);
    this.polling = { ...POLLING, ...options.polling };
    this.retrying = { ...RETRYING, ...options.retrying };
    this.loadId = options.loadId === undefined ? undefined : stateKey(scope, options.loadId);
  }

  async batch(batch: EntityBatch): Promise<void> {
    const { action = 'UPSERT', entityType = 'INVENTORY' } = this.options;
    const content = { action, entityType, entities: batch.entities };
    const key = `${batch.number}:${createHash('sha256').update(JSON.stringify(content)).digest('hex')}`;
    let record = this.loadId === undefined ? undefined : await this.state.batch(this.loadId, key);
    if (record?.done) this.progress.batchesResumed += 1;
    if (!record) {
      record = await retryTransient(() => this.send(content), this.retrying, this.signal);
      await this.remember(key, record);
    }
    this.jobIds.add(record.jobId);
    this.progress.batchesSent += 1;
    this.progress.entitiesSent += batch.entities.length;
    this.report();
    if (!record.done) {
      record = await this.finish(record, batch);
      await this.remember(key, record);
    }
    this.count(record, batch);
  }

  result(): LoadResult {
    return { ...this.current(), jobIds: [...this.jobIds], failures: this.failures };
  }

  private async send(content: Parameters<JobApi['sendBatch']>[1]): Promise<BatchRecord> {
    let closed: string | undefined;
    for (;;) {
      const day = { ...this.scope, day: this.today() };
      const jobId = await this.batches.jobOf(day, this.api, closed);
      try {
        return { jobId, batchId: await this.api.sendBatch(jobId, content) };
      } catch (error) {
        // Midnight may have passed, here or at Fluent, whose clock is another; a refused batch stays refused.
        if (error instanceof TransientError || jobId === closed || (await this.api.isOpen(jobId)))
          throw error;
        closed = jobId;
      }
    }
  }

  private async finish(sent: BatchRecord, { number, offset, entities }: EntityBatch): Promise<BatchRecord> {
    const { jobId, batchId } = sent;
    const backoff = new Backoff(this.polling, this.signal);
    for (;;) {
      const seen = await retryTransient(
        () => this.api.batchStatus(jobId, batchId),
        this.retrying,
        this.signal,
      );
      const hasFailed = FAILED.test(seen.status);
      if (hasFailed || DONE.test(seen.status)) {
        this.partly.delete(number);
        const failures = failuresOf(seen, sent, offset, hasFailed);
        const failed = hasFailed ? entities.length : failures.length;
        return {
          jobId,
          batchId,
          done: { status: seen.status, failed, failures: failures.slice(0, MAX_FAILURES) },
        };
      }
      this.partly.set(number, Math.min(seen.processedEntities ?? 0, entities.length));
      this.report();
      if (await backoff.waitOrExpire()) {
        throw new TransientError(
          `batch ${batchId} of job ${jobId} is still ${seen.status} after ${this.polling.giveUpAfterMs} ms; ` +
            'load again with the same id to wait on',
        );
      }
    }
  }

  private count({ done }: BatchRecord, batch: EntityBatch): void {
    if (!done) return;
    this.progress.batchesDone += 1;
    this.progress.entitiesDone += batch.entities.length;
    this.progress.entitiesFailed += done.failed;
    this.failures.push(...done.failures.slice(0, MAX_FAILURES - this.failures.length));
    this.report();
  }

  private async remember(key: string, record: BatchRecord): Promise<void> {
    if (this.loadId !== undefined) await this.state.setBatch(this.loadId, key, record);
  }

  private report(): void {
    this.options.onProgress?.(this.current());
  }

  private current(): LoadProgress {
    const running = [...this.partly.values()].reduce((sum, count) => sum + count, 0);
    return { ...this.progress, entitiesDone: this.progress.entitiesDone + running };
  }

  private today(): string {
    return new Date((this.options.now ?? Date.now)()).toISOString().slice(0, 10);
  }
}

function failuresOf(
  { status, errors }: BatchStatus,
  { jobId, batchId }: BatchRecord,
  offset: number,
  hasFailed: boolean,
): EntityFailure[] {
  const failures = errors.map(({ code, message, entityIndex }) => ({
    ...(entityIndex !== undefined && { index: offset + entityIndex }),
    jobId,
    batchId,
    ...(code !== undefined && { code }),
    message,
  }));
  if (hasFailed && failures.length === 0) {
    return [{ jobId, batchId, message: `the batch ended as ${status}, without a reason` }];
  }
  return failures;
}

function stateKey({ accountId, retailerId }: Required<FluentScope>, loadId: string): string {
  return JSON.stringify([accountId, retailerId, loadId]);
}
