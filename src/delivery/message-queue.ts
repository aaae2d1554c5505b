import { TransientError } from '../errors.js';
import type { FluentNotification } from '../notification/index.js';
import type { TraceCarrier } from '../tracing/index.js';
import type { Settlement } from './decide.js';
import type { Delivery } from './delivery.js';

/** What the queue is told about a notification when it is added. */
export interface AddOptions {
  /** Notifications with the same key are numbered together and need one run. At most 1,000 characters. */
  readonly coalesceKey?: string;
  /** The state of the entity that the notification announced. */
  readonly expectedState?: string;
  /** Where the webhook's trace stands; given back with each delivery. */
  readonly trace?: TraceCarrier;
}

/** `duplicate`: a notification with this id is queued, running, or was finished within `DEDUPE_WINDOW`. */
export type AddResult = 'accepted' | 'duplicate';

/** A notification that needs a person: kept until it is replayed or removed, never dropped silently. */
export interface DeadLetter {
  readonly id: string;
  readonly notification: FluentNotification;
  readonly error: { readonly name: string; readonly message: string };
  readonly attempts: number;
  readonly acceptedAt: Date;
  readonly firstFailedAt?: Date;
  readonly diedAt: Date;
}

/** `outrun`: the delivery comes again, because another run of its key may have undone what it found or wrote. */
export type SettleResult = 'settled' | 'outrun';

const REPLAY_PAGE = 1000;

/** Where a notification is: `delayed` ones sleep before a retry or a recheck. */
export const QUEUE_STATES = ['waiting', 'active', 'delayed', 'dead'] as const;
/** One of the states of {@link QueueCounts}. */
export type QueueState = (typeof QUEUE_STATES)[number];

/** How many notifications are in each state, and since when the oldest one that has not ended waits. */
export interface QueueCounts extends Readonly<Record<QueueState, number>> {
  /** When the oldest notification was accepted that is waiting, active or delayed; undefined when there is none. */
  readonly oldestUnfinishedAt?: Date;
}

/** Whether the queue can be trusted with notifications. */
export interface QueueHealth {
  readonly reachable: boolean;
  /** What an operator should change (no persistence, eviction), empty when all is well. */
  readonly warnings: readonly string[];
}

/**
 * Stores accepted notifications until they are done. It decides nothing: superseding, rechecks, retries and
 * dead letters are decided by the worker, which settles each delivery with a {@link Settlement}.
 *
 * Replace it to use another broker. The default is {@link BullMessageQueue} on Redis; {@link MemoryMessageQueue}
 * serves unit tests. An override must keep what `messageQueueSuite()` of the package's `testing` entry
 * checks: run it in your tests.
 *
 * @example
 * ConnectorModule.register({ overrides: [{ provide: MessageQueue, useClass: SqsMessageQueue }] })
 */
export abstract class MessageQueue {
  /**
   * Resolves only after the notification is stored durably. Draws its number: strictly larger than all numbers
   * of its key before it, about the microseconds of the store's clock.
   *
   * @throws QueueUnavailableError within 2 s when it is not stored; nothing is kept in memory.
   */
  abstract add(notification: FluentNotification, options?: AddOptions): Promise<AddResult>;

  /**
   * Waits until a notification is due, and takes up to `max` of them in one step. Each gets a ticket with the
   * next number of its key, and the newest coverage of its key. Until it is settled nobody else is given it,
   * unless this process dies: then it is given to another worker, with one more worker death.
   *
   * @returns an empty list when the wait was long, and once `signal` is aborted.
   * @throws Error when the store does not answer; the worker tries again.
   */
  abstract take(max: number, signal: AbortSignal): Promise<readonly Delivery[]>;

  /**
   * Draws a new ticket and reads the coverage again, for a delivery that had to wait after it was taken.
   * Never needed for correctness: the older ticket covers less.
   */
  abstract renew(delivery: Delivery): Promise<Delivery>;

  /**
   * Ends a delivery in one atomic step: records the coverage for its key unless the key has another epoch than
   * its ticket, then forgets it and remembers its id for `DEDUPE_WINDOW` (`done`), delivers it again after a delay with
   * its progress (`recheck`, `retry`, `defer`), or keeps it as a dead letter (`dead`). A delivery that was given
   * to another worker meanwhile stays that worker's.
   *
   * A run that ended (`settlement.run`) is outrun when the key has another epoch than its ticket, when it changed
   * something and a run with a larger number has left its coverage, or when it changed nothing (`false`) and one that
   * changed something was settled after its ticket was drawn. Its coverage is not recorded then, and in place of
   * `done` the delivery comes again at once, with the progress `ifOutrun`. A delivery that comes again after a run
   * has {@link Delivery.ranUntil}: larger than every number drawn for its key before, smaller than every later one.
   *
   * @returns `outrun` when the delivery comes again in place of `done`.
   */
  abstract settle(delivery: Delivery, settlement: Settlement): Promise<SettleResult>;

  /** How many notifications are in each state. */
  abstract counts(): Promise<QueueCounts>;

  /** Never throws: an unreachable queue is an answer. Resolves within 2 s. */
  abstract health(): Promise<QueueHealth>;

  /** Dead letters, newest first. */
  abstract deadLetters(page?: { offset?: number; limit?: number }): Promise<readonly DeadLetter[]>;

  /** @returns undefined when there is no dead letter with this id. */
  abstract deadLetter(id: string): Promise<DeadLetter | undefined>;

  /** Puts a dead letter back into the queue with a fresh retry age. @returns false when there is none with this id. */
  abstract replay(id: string): Promise<boolean>;

  /** Removes a dead letter for good. @returns false when there is none with this id. */
  abstract discard(id: string): Promise<boolean>;

  /** @returns how many dead letters were put back. Those that die again meanwhile are not replayed in a circle. */
  async replayAll(): Promise<number> {
    const ids: string[] = [];
    for (let page: readonly DeadLetter[] = []; ids.length === 0 || page.length === REPLAY_PAGE;) {
      page = await this.deadLetters({ offset: ids.length, limit: REPLAY_PAGE });
      if (page.length === 0) break;
      ids.push(...page.map(({ id }) => id));
    }
    let replayed = 0;
    for (const id of ids) if (await this.replay(id)) replayed++;
    return replayed;
  }
}

/** The queue could not confirm a notification; the sender must try again. */
export class QueueUnavailableError extends TransientError {}
