import { TransientError } from '../errors.js';
import type { FluentNotification } from '../notification/index.js';

/** What the queue is told about a notification when it is added. */
export interface EnqueueOptions {
  /**
   * Notifications with the same key need one run: one that waits is completed as `superseded` when a run
   * that began after its acceptance has finished. Without a key every notification is run.
   */
  readonly coalesceKey?: string;
  /**
   * The state of the entity that the notification announces. When the run saw another one, the
   * notification may have overtaken the sender's own write: it is run once more a few seconds later.
   */
  readonly announces?: string;
}

/** `duplicate`: a notification with this id is queued, running, or was finished within `DEDUPE_WINDOW`. */
export type EnqueueResult = 'accepted' | 'duplicate';

/** How a processed notification ended. */
export type NotificationOutcome = 'updated' | 'unchanged' | 'unmapped' | 'superseded';

/** What a run of a notification tells the queue. */
export interface ProcessResult {
  readonly outcome: Exclude<NotificationOutcome, 'superseded'>;
  /** The state that the run saw, compared with {@link EnqueueOptions.announces}. */
  readonly saw?: string;
  /** False when the run left undone what others with its coalesce key wait for: they are run all the same. */
  readonly covers?: boolean;
}

/** One run of a notification. */
export interface ProcessContext {
  /** Counts from 1; runs that were held back by an open circuit are not counted. */
  readonly attempt: number;
  /** When the notification was accepted. */
  readonly acceptedAt: Date;
  /** Aborted when the process shuts down and its time is up. */
  readonly signal: AbortSignal;
}

/**
 * Runs one notification. Resolves when its work is done; throws `TransientError`, `ConfigurationError`
 * (both retried), `PermanentError` (dead letter) or {@link HandBack} (not now). Any other error is retried
 * like a transient one.
 */
export type NotificationProcessor = (
  notification: FluentNotification,
  context: ProcessContext,
) => Promise<ProcessResult>;

/** Everything that happened to a notification in one run, for logs and metrics. */
export interface RunReport {
  readonly notification: FluentNotification;
  readonly outcome: NotificationOutcome | 'retried' | 'dead';
  readonly attempt: number;
  /** From acceptance until now, in milliseconds. */
  readonly lagMs: number;
  readonly error?: Error;
  /** With `retried`: how long until the next run. */
  readonly delayMs?: number;
}

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

/** Where a notification is: `delayed` ones sleep before a retry or a second look. */
export type QueueState = 'waiting' | 'active' | 'delayed' | 'dead';

/** Whether the queue can be trusted with notifications. */
export interface QueueHealth {
  readonly reachable: boolean;
  /** What an operator should change (no persistence, eviction), empty when all is well. */
  readonly warnings: readonly string[];
}

/**
 * Keeps accepted notifications until they are done.
 *
 * Replace it to use another broker. The default is {@link BullMessageQueue} on Redis.
 */
export abstract class MessageQueue {
  /**
   * Resolves only after the notification is stored durably.
   * @throws QueueUnavailableError within 2 s when it is not; nothing is kept in memory.
   */
  abstract enqueue(notification: FluentNotification, options?: EnqueueOptions): Promise<EnqueueResult>;

  /** Starts taking notifications, `QUEUE_CONCURRENCY` at once. May be called once. */
  abstract process(processor: NotificationProcessor, report: (run: RunReport) => void): Promise<void>;

  /** Takes no new notifications; resolves when running ones ended or `timeoutMs` passed (these are handed back). */
  abstract drain(timeoutMs: number): Promise<void>;

  /** How many notifications are in each state. */
  abstract counts(): Promise<Record<QueueState, number>>;

  /** Never throws: an unreachable queue is an answer. Resolves within 2 s. */
  abstract health(): Promise<QueueHealth>;

  /** Dead letters, newest first. */
  abstract deadLetters(page?: { offset?: number; limit?: number }): Promise<readonly DeadLetter[]>;

  /** @returns undefined when there is no dead letter with this id. */
  abstract deadLetter(id: string): Promise<DeadLetter | undefined>;

  /** Puts a dead letter back into the queue with a fresh retry age. @returns false when there is none with this id. */
  abstract replay(id: string): Promise<boolean>;

  /** @returns how many dead letters were put back. */
  abstract replayAll(): Promise<number>;
}

/**
 * Thrown by a processor that cannot take a notification now: it is run again after the delay, and nothing
 * has failed (no attempt, no report).
 */
export class HandBack extends Error {
  override readonly name = 'HandBack';

  constructor(readonly delayMs: number) {
    super(`handed back for ${delayMs} ms`);
  }
}

/** The queue could not confirm a notification; the sender must try again. */
export class QueueUnavailableError extends TransientError {}
