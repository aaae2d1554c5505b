import { setTimeout as delay } from 'node:timers/promises';
import { Injectable, type BeforeApplicationShutdown, type OnApplicationBootstrap } from '@nestjs/common';
import { PinoLogger } from 'nestjs-pino';
import { ConnectorConfig } from '../config/index.js';
import { MessageQueue, NotificationIntake } from '../delivery/index.js';
import { ConfigurationError, PermanentError, asError } from '../errors.js';
import { FluentClient, type UpdatedFluentOrder } from '../fluent/index.js';
import { backfillNotification } from '../notification/index.js';
import {
  BackfillStore,
  type Backfill,
  type BackfillProgress,
  type BackfillRequest,
  type BackfillState,
  type CreateResult,
} from './backfill-store.js';
import { UpdateWindows } from './update-windows.js';

/** How often a replica checks whether a backfill waits for a worker. */
const POLL_MS = 2000;
/** A longer range is read in windows: an interrupted backfill repeats one window at most. */
const MAX_WINDOW_MS = 3_600_000;
const MIN_WINDOW_MS = 60_000;
/** Windows of a short range, so that its progress is visible. */
const WINDOWS = 100;
/** Orders that are submitted at the same time. */
const SUBMITTED_AT_ONCE = 20;
/** While more notifications than this wait, a backfill adds none: Redis' memory is for webhooks. */
const MAX_WAITING = 2000;
const FULL_PAUSE_MS = 1000;
/** Between attempts after a failure that passes: doubled each time, up to the longest. */
const FIRST_PAUSE_MS = 1000;
const LONGEST_PAUSE_MS = 30_000;
const MAX_PROBLEM_LENGTH = 300;

/** A backfill that this replica works on. */
interface Work {
  readonly backfill: Backfill;
  readonly signal: AbortSignal;
  readonly abort: (reason: Error) => void;
  state: BackfillState;
  problem?: string;
  progress: BackfillProgress;
  committed: BackfillProgress;
}

/**
 * Submits the orders that Fluent updated in a range of time, when an operator asks for it: after data was lost, or
 * after a wrong mapping was deployed. Each order gets one notification in the background lane of its account, so
 * webhooks go first. Any replica with a worker continues where another one stopped.
 */
@Injectable()
export class Backfills implements OnApplicationBootstrap, BeforeApplicationShutdown {
  private readonly stop = new AbortController();
  private readonly works = new Map<string, Promise<void>>();
  private polling: Promise<void> = Promise.resolve();

  constructor(
    private readonly config: ConnectorConfig,
    private readonly store: BackfillStore,
    private readonly fluent: FluentClient,
    private readonly intake: NotificationIntake,
    private readonly queue: MessageQueue,
    private readonly logger: PinoLogger,
  ) {
    logger.setContext('Backfill');
  }

  onApplicationBootstrap(): void {
    const isWorker = this.config.role !== 'ingress';
    // Only the admin API can request one.
    if (isWorker && this.config.server.adminTokens.length > 0) this.polling = this.pollUntilStopped();
  }

  /** Ends the work of this replica; another one continues at once. */
  async beforeApplicationShutdown(): Promise<void> {
    this.stop.abort(new Error('shutting down'));
    await this.polling;
    await Promise.all(this.works.values());
  }

  /** Stores a request. A replica with a worker begins within seconds. @throws Error when Redis does not answer. */
  create(request: BackfillRequest): Promise<CreateResult> {
    return this.store.create(request);
  }

  list(): Promise<readonly Backfill[]> {
    return this.store.list();
  }

  find(id: string): Promise<Backfill | undefined> {
    return this.store.find(id);
  }

  /** Its submitted notifications stay in the queue. @returns the state before, or undefined when it is unknown. */
  cancel(id: string): Promise<BackfillState | undefined> {
    return this.store.cancel(id);
  }

  private get lockMs(): number {
    return this.config.queue.lockDurationMs;
  }

  private async pollUntilStopped(): Promise<void> {
    const { signal } = this.stop;
    // The connection is still being made. If it cannot be made, the first look says so.
    await this.store.opened(signal).catch(() => undefined);
    while (!signal.aborted) {
      try {
        for (const id of await this.store.unfinished()) {
          if (!this.works.has(id) && (await this.store.claim(id, this.lockMs))) this.start(id);
        }
      } catch (error) {
        this.logger.warn({ err: error }, 'backfills could not be looked for; Redis is asked again');
      }
      // A random part keeps replicas that started together apart.
      await delay(POLL_MS * (0.5 + Math.random() / 2), undefined, { signal }).catch(() => undefined);
    }
  }

  private start(id: string): void {
    const work = this.workOn(id)
      .catch((error: unknown) => {
        this.logger.warn({ backfill: id, err: error }, 'a backfill was interrupted; a replica continues it');
      })
      .finally(() => this.works.delete(id));
    this.works.set(id, work);
  }

  private async workOn(id: string): Promise<void> {
    try {
      const backfill = await this.store.find(id);
      if (!backfill || backfill.endedAt !== undefined) return;
      const over = new AbortController();
      const { committed } = backfill;
      const work: Work = {
        backfill,
        signal: AbortSignal.any([over.signal, this.stop.signal]),
        abort: (reason) => over.abort(reason),
        state: 'running',
        progress: committed,
        committed,
      };
      const renewal = setInterval(() => void this.renew(work), this.lockMs / 3);
      try {
        await this.runToEnd(work);
      } finally {
        clearInterval(renewal);
      }
    } finally {
      await this.store.release(id);
    }
  }

  /** Keeps the lock, and shows the progress within a window. Without an answer of Redis, the lock ends by itself. */
  private async renew(work: Work): Promise<void> {
    await this.save(work).catch((error: unknown) => work.abort(asError(error)));
  }

  private async save(work: Work): Promise<void> {
    const { backfill, state, problem, progress, committed } = work;
    const update = { state, problem: problem?.slice(0, MAX_PROBLEM_LENGTH), progress, committed };
    const result = await this.store.update(backfill.id, update, this.lockMs);
    if (result === 'lost') work.abort(new Error('another replica has taken the backfill over'));
    if (result === 'cancelled') work.abort(new Error('an operator has cancelled the backfill'));
  }

  private async runToEnd(work: Work): Promise<void> {
    const { backfill, signal } = work;
    this.log(work, `backfill ${backfill.id} reads the orders of account ${backfill.accountId}`);
    let pauseMs = FIRST_PAUSE_MS;
    while (!signal.aborted) {
      const { position } = work.committed;
      try {
        await this.readAll(work);
        return await this.end(work, 'finished');
      } catch (error) {
        if (signal.aborted) break;
        work.progress = work.committed;
        if (error instanceof ConfigurationError || error instanceof PermanentError) {
          return await this.end(work, 'failed', error.message);
        }
        if (work.committed.position > position) pauseMs = FIRST_PAUSE_MS;
        await this.pause(work, `${asError(error).message}; the backfill tries again`, pauseMs);
        pauseMs = Math.min(pauseMs * 2, LONGEST_PAUSE_MS);
      }
    }
    this.log(work, `backfill ${backfill.id} ends in this replica: ${asError(signal.reason).message}`);
  }

  private async end(work: Work, state: 'finished' | 'failed', problem?: string): Promise<void> {
    work.state = state;
    work.problem = problem;
    await this.save(work);
    const message = `backfill ${work.backfill.id} has ${state}`;
    if (problem === undefined) this.log(work, message);
    else this.logger.error(fieldsOf(work), `${message}: ${problem}`);
  }

  private async pause(work: Work, problem: string, pauseMs: number): Promise<void> {
    const isNew = work.problem !== problem;
    work.state = 'paused';
    work.problem = problem;
    if (isNew) this.log(work, `backfill ${work.backfill.id} waits: ${problem}`);
    await this.save(work);
    await delay(pauseMs, undefined, { signal: work.signal }).catch(() => undefined);
  }

  private async readAll(work: Work): Promise<void> {
    const { backfill, signal } = work;
    const { accountId, from, to } = backfill;
    const windowMs = Math.min(Math.max(Math.ceil((to - from) / WINDOWS), MIN_WINDOW_MS), MAX_WINDOW_MS);
    const windows = new UpdateWindows(this.fluent, accountId, Date.now(), signal);
    while (work.committed.position <= to) {
      signal.throwIfAborted();
      const { position } = work.committed;
      await windows.read(
        { from: position, to: Math.min(position + windowMs - 1, to) },
        {
          read: async (orders, window) => {
            work.progress = work.committed;
            await this.submitAll(work, orders);
            await this.commit(work, { ...work.progress, position: window.to + 1 });
          },
          skip: async (at, error) => {
            const { id } = backfill;
            this.logger.error(
              { ...fieldsOf(work), updatedOn: new Date(at).toISOString(), err: error },
              `backfill ${id} skips orders that Fluent cannot answer with; look for the order that was updated at that time in Fluent`,
            );
            const { skipped } = work.committed;
            await this.commit(work, { ...work.committed, skipped: skipped + 1, position: at + 1 });
          },
          onPage: () => this.count(work, 'pagesRead', 1),
        },
      );
    }
  }

  private async commit(work: Work, progress: BackfillProgress): Promise<void> {
    work.progress = progress;
    work.committed = progress;
    work.state = 'running';
    work.problem = undefined;
    await this.save(work);
  }

  private async submitAll(work: Work, orders: AsyncIterable<UpdatedFluentOrder>): Promise<void> {
    const { accountId, retailerId } = work.backfill;
    let batch: UpdatedFluentOrder[] = [];
    for await (const order of orders) {
      // Retailers that are not configured here do not belong to this connector.
      if (retailerId !== undefined && order.retailerId !== retailerId) continue;
      if (!this.config.scope(accountId, order.retailerId)) continue;
      this.count(work, 'ordersFound', 1);
      batch.push(order);
      if (batch.length < SUBMITTED_AT_ONCE) continue;
      await this.submit(work, batch);
      batch = [];
    }
    await this.submit(work, batch);
  }

  private async submit(work: Work, orders: readonly UpdatedFluentOrder[]): Promise<void> {
    if (orders.length === 0) return;
    await this.untilThereIsRoom(work);
    work.signal.throwIfAborted();
    const [name = ''] = this.config.orderStatusEventNames;
    const { id, accountId } = work.backfill;
    // What an interrupted replica has submitted already is a duplicate.
    await Promise.all(
      orders.map((order) => this.intake.submit(backfillNotification(name, accountId, id, order))),
    );
    this.count(work, 'submitted', orders.length);
  }

  private async untilThereIsRoom(work: Work): Promise<void> {
    while (!work.signal.aborted) {
      const problem = await this.obstacle(work.backfill.accountId);
      if (problem === undefined) break;
      await this.pause(work, problem, FULL_PAUSE_MS);
    }
    work.state = 'running';
    work.problem = undefined;
  }

  private async obstacle(accountId: string): Promise<string | undefined> {
    const [{ waiting }, pauses] = await Promise.all([this.queue.counts(), this.queue.pauses()]);
    if (pauses.has(accountId)) return `account ${accountId} is paused`;
    if (waiting >= MAX_WAITING) return `${MAX_WAITING} notifications or more wait in the queue`;
    return undefined;
  }

  private count(work: Work, field: 'pagesRead' | 'ordersFound' | 'submitted', more: number): void {
    work.progress = { ...work.progress, [field]: work.progress[field] + more };
  }

  private log(work: Work, message: string): void {
    this.logger.info(fieldsOf(work), message);
  }
}

function fieldsOf({ backfill, progress }: Work) {
  const { id, accountId, retailerId } = backfill;
  const position = new Date(progress.position).toISOString();
  return { backfill: id, accountId, ...(retailerId !== undefined && { retailerId }), ...progress, position };
}
