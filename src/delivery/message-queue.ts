import { TransientError } from '../errors.js';
import type { FluentNotification } from '../notification/index.js';
import type { TraceCarrier } from '../tracing/index.js';
import type { Settlement } from './decide.js';
import type { Delivery, DeliveryProgress } from './delivery.js';
import type { DescribedError } from './retry-policy.js';
import type { HeldSlots } from './lanes.js';

/** Properties of a notification that is added to the queue. */
export interface AddOptions {
  /** Notifications with the same key are numbered together and need one run. At most 1,000 characters. */
  readonly coalesceKey?: string;
  /** The state of the entity that the notification announced. */
  readonly expectedState?: string;
  /** Whether it waits in the background lane of its account. Default: false. */
  readonly background?: boolean;
  /** The webhook's position in its trace, which each delivery returns. */
  readonly trace?: TraceCarrier;
}

/** `duplicate`: a notification with this id is queued, running, or was finished within the window of its handler. */
export type AddResult = 'accepted' | 'duplicate';

/** A notification that is not retried any more. It is kept until an operator replays or removes it. */
export interface DeadLetter {
  readonly id: string;
  readonly notification: FluentNotification;
  /** The error of its last run: `progress.error` of the settlement that ended it. */
  readonly error: DescribedError;
  /** Failed runs: `progress.failures.attempts` of that settlement. */
  readonly attempts: number;
  readonly acceptedAt: Date;
  readonly firstFailedAt?: Date;
  readonly diedAt: Date;
}

/** Which dead letters {@link MessageQueue.deadLetters} returns. */
export interface DeadLetterPage {
  /** Those that follow this one; from the newest on by default. */
  readonly after?: Pick<DeadLetter, 'id' | 'diedAt'>;
  readonly limit?: number;
}

/** `outrun`: the delivery comes again, because another run of its key may have changed what it found or wrote. */
export type SettleResult = 'settled' | 'outrun';

const REPLAY_PAGE = 1000;

/** The state of a notification. `delayed` ones wait for a retry or a recheck. */
export const QUEUE_STATES = ['waiting', 'active', 'delayed', 'dead'] as const;
/** One of the states of {@link QueueCounts}. */
export type QueueState = (typeof QUEUE_STATES)[number];

/** The number of notifications in each state, and the acceptance time of the oldest unfinished one. */
export interface QueueCounts extends Readonly<Record<QueueState, number>> {
  /** The acceptance time of the oldest waiting, active or delayed notification, if any. */
  readonly oldestUnfinishedAt?: Date;
}

/** Who stopped the delivery of an account's notifications. */
export interface AccountPause {
  /** The name of the operator. */
  readonly by: string;
  readonly since: Date;
  readonly reason: string;
}

/** The unfinished notifications of one account. */
export interface LaneCounts {
  readonly accountId: string;
  /** In the lane of its webhooks. */
  readonly waiting: number;
  /** In its background lane. */
  readonly background: number;
  readonly running: number;
  /** Waiting for a retry or a recheck. A queue may count only those that are due next; it counts 1,000 at least. */
  readonly delayed: number;
  /** The acceptance time of its oldest unfinished notification, as far as the queue can tell. */
  readonly oldestUnfinishedAt?: Date;
}

/** Entities of an account, each known by its ref or by its id. */
export interface EntitySearch {
  readonly accountId: string;
  readonly refs: readonly string[];
  readonly ids: readonly string[];
}

/** A notification that was accepted and has not ended: it waits, runs, or is delayed before its next run. */
export interface UnfinishedNotification {
  readonly notification: FluentNotification;
  readonly acceptedAt: Date;
  /** What its runs so far have left; empty before the first. */
  readonly progress: DeliveryProgress;
}

/** What {@link MessageQueue.findUnfinished} found. */
export interface UnfinishedSearchResult {
  /** In no order. */
  readonly found: readonly UnfinishedNotification[];
  /** Whether the search looked at every unfinished notification. If not, there may be more than it found. */
  readonly isComplete: boolean;
}

/** Whether the queue is reachable and durable. */
export interface QueueHealth {
  readonly reachable: boolean;
  /** What an operator should change (e.g. persistence, eviction). Empty without problems. */
  readonly warnings: readonly string[];
}

/**
 * Stores accepted notifications until they are done. The worker decides about superseding, rechecks, retries and dead
 * letters, and settles each delivery with a {@link Settlement}.
 *
 * Replace it to use another broker. The default is {@link BullMessageQueue} on Redis, configured by `REDIS_URL` and the
 * `QUEUE_*` variables. {@link MemoryMessageQueue} is for unit tests. Override it in
 * `ConnectorModule.register({ overrides })`.
 *
 * An override must pass `messageQueueSuite()` of `fluent-commercetools-connector/testing`: {@link MessageQueue.add} stores
 * durably before it resolves, numbers strictly increase for each key, and {@link MessageQueue.take} and
 * {@link MessageQueue.settle} are atomic.
 *
 * @example
 * ConnectorModule.register({ overrides: [{ provide: MessageQueue, useClass: SqsMessageQueue }] })
 */
export abstract class MessageQueue {
  /**
   * Resolves only after the notification is stored durably. Assigns its number, which is strictly larger than all earlier
   * numbers of its key and close to the microseconds of the store's clock.
   *
   * @throws QueueUnavailableError within 2 s when it is not stored. The notification is then not kept in memory.
   */
  abstract add(notification: FluentNotification, options?: AddOptions): Promise<AddResult>;

  /**
   * Waits until a notification is due, and takes up to `max` of them in one step: from the lanes in turn, and from each lane the
   * one that has been due for the longest. Each gets a ticket with the next number of
   * its key, and the newest coverage of its key. Only this process gets the delivery until it is settled. If the process
   * dies, another worker gets it, with one more worker death.
   *
   * Each account has a lane, and a background lane for reconciled orders, retries and replayed dead letters. A notification that
   * comes again goes behind those that wait in its lane. {@link nextLane} selects the lane that is served next; the queue remembers, across workers, which
   * lane it served longest ago.
   *
   * Notifications of paused accounts wait.
   *
   * @param held the slots that the worker's other deliveries hold. Default: none.
   * @returns an empty list after a long wait, when `signal` is aborted, and immediately when the waiting notifications must
   * leave the free slots to other accounts.
   * @throws Error when the store does not answer. The worker then tries again.
   */
  abstract take(max: number, signal: AbortSignal, held?: HeldSlots): Promise<readonly Delivery[]>;

  /**
   * Assigns a new ticket and reads the coverage again, for a delivery that waited after it was taken. This saves runs, but is
   * not required for correctness: the older ticket covers less.
   */
  abstract renew(delivery: Delivery): Promise<Delivery>;

  /**
   * Ends a delivery in one atomic step. It records the coverage for the key, unless the epoch of the key differs from the
   * ticket's. Then it does one of these:
   *
   * - `done`: deletes the notification, and keeps its id for the settlement's `dedupeWindowSeconds`, by default `DEDUPE_WINDOW`.
   * - `recheck`, `retry`, `defer`: delivers the notification again after a delay, with its progress.
   * - `dead`: keeps the notification as a dead letter.
   *
   * If another worker has taken the delivery meanwhile, nothing changes.
   *
   * A run that ended (`settlement.run`) is outrun in these cases:
   *
   * - The key has another epoch than its ticket.
   * - It changed something, and a run with a larger number has left its coverage.
   * - It changed nothing (`false`), and a run that changed something was settled after its ticket was assigned.
   *
   * The coverage of an outrun run is not recorded. In place of `done`, the delivery comes again at once, with the progress
   * `ifOutrun`. A delivery that comes again after a run has {@link Delivery.ranUntil}: larger than every earlier number of
   * its key, and smaller than every later one.
   *
   * @returns `outrun` when the delivery comes again in place of `done`.
   */
  abstract settle(delivery: Delivery, settlement: Settlement): Promise<SettleResult>;

  /**
   * Delivers the notifications now that were deferred with a `CircuitOpenError` of `target` and still wait. Without it they
   * come when their delays end.
   */
  abstract wake(target: string): Promise<void>;

  /**
   * Delivers no notification of an account until {@link resume}, in any worker and also after a restart. Running deliveries
   * end, and {@link add} accepts as before.
   *
   * @returns the pause that holds: an earlier one stays.
   */
  abstract pause(accountId: string, pause: AccountPause): Promise<AccountPause>;

  /** Delivers the notifications of an account again. @returns false if it was not paused. */
  abstract resume(accountId: string): Promise<boolean>;

  /** @returns the paused accounts. */
  abstract pauses(): Promise<ReadonlyMap<string, AccountPause>>;

  /** @returns the accounts that have unfinished notifications. */
  abstract lanes(): Promise<readonly LaneCounts[]>;

  /**
   * Finds the unfinished notifications whose entity or root entity is one of those that are searched for. An operator asks
   * for this now and then, so that the queue need not keep an index. The search must not delay notifications: a queue
   * bounds its time and the number of results.
   *
   * By default nothing is found, and the search says that it is not complete. Override it if your broker can search.
   *
   * @throws Error when the store does not answer.
   */
  findUnfinished(_search: EntitySearch): Promise<UnfinishedSearchResult> {
    return Promise.resolve({ found: [], isComplete: false });
  }

  /** Counts the notifications in each state. */
  abstract counts(): Promise<QueueCounts>;

  /** Resolves within 2 s, and never throws: an unreachable queue is a result. */
  abstract health(): Promise<QueueHealth>;

  /**
   * Dead letters, newest first, 50 by default. Letters that are replayed or discarded between two pages do not make the next page leave
   * out another one.
   */
  abstract deadLetters(page?: DeadLetterPage): Promise<readonly DeadLetter[]>;

  /** @returns the dead letter with this id, if it exists. */
  abstract deadLetter(id: string): Promise<DeadLetter | undefined>;

  /**
   * Puts a dead letter back into the background lane of its account and restarts its retry age.
   *
   * @returns false if the id is unknown.
   */
  abstract replay(id: string): Promise<boolean>;

  /** Deletes a dead letter. @returns false if the id is unknown. */
  abstract discard(id: string): Promise<boolean>;

  /** Replays all dead letters, each once even if it fails again meanwhile. @returns how many were replayed. */
  async replayAll(): Promise<number> {
    const ids: string[] = [];
    for (let after: DeadLetter | undefined; ;) {
      const page: readonly DeadLetter[] = await this.deadLetters({ after, limit: REPLAY_PAGE });
      ids.push(...page.map(({ id }) => id));
      after = page.at(-1);
      if (!after) break;
    }
    let replayed = 0;
    for (const id of ids) if (await this.replay(id)) replayed++;
    return replayed;
  }
}

/** The queue did not confirm a notification, so the sender must try again. */
export class QueueUnavailableError extends TransientError {}
