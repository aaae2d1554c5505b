import type { FluentNotification } from '../notification/index.js';
import type { TraceCarrier } from '../tracing/index.js';
import type { DescribedError, FailureHistory } from './retry-policy.js';

/** How a notification ended when it did not fail. */
export type NotificationOutcome = 'updated' | 'unchanged' | 'unmapped' | 'superseded';

/** What a handler's run reports when it did not fail. */
export interface ProcessResult {
  readonly outcome: Exclude<NotificationOutcome, 'superseded'>;
  /** The state in which the run found the entity, compared with {@link Delivery.expectedState}. */
  readonly observedState?: string;
  /** False when the run left work undone that other notifications of the entity may do. Default: true. */
  readonly supersedesPending?: boolean;
  /** True to request one more run after `RECHECK_DELAY`, e.g. because a source had not caught up. */
  readonly recheck?: boolean;
  /** More fields for the outcome's log line: small, and without personal data. */
  readonly details?: Readonly<Record<string, unknown>>;
}

/** The result of the run before a recheck. It is reported unless the recheck changes something. */
export interface FirstRun {
  readonly outcome: NotificationOutcome;
  /** Milliseconds from acceptance until then. */
  readonly lagMs: number;
  readonly details?: ProcessResult['details'];
}

/** The state of a notification that is kept from one run to the next. */
export interface DeliveryProgress {
  readonly failures?: FailureHistory;
  /** The error of the last failed run: bounded, without a stack. */
  readonly error?: DescribedError;
  /** Set while a recheck is due. */
  readonly firstRun?: FirstRun;
  /** The recheck needs a run with at least this number, regardless of what an earlier run observed. */
  readonly recheckFrom?: number;
  /** How often it waited because another run of its key was active. */
  readonly waits?: number;
  /** The number of worker deaths at its last back-off. */
  readonly deathsSeen?: number;
}

/**
 * The position of a run among the notifications and runs of its key. Numbers increase strictly within an epoch. If the
 * store loses a key and creates it again, the key gets another epoch.
 */
export interface RunTicket {
  /** Microseconds of the store's clock, or one more than the last number of the key. */
  readonly number: number;
  /** Absent without a coalesce key. */
  readonly epoch?: string;
}

/** The newest finished run of a coalesce key. */
export interface Coverage {
  /** Every notification of the key with a smaller number was accepted before this run began. */
  readonly number: number;
  readonly observedState?: string;
}

/** A failed run of a coalesce key. The key's other notifications wait as well. */
export interface Failing {
  /** Milliseconds since the epoch, by the store's clock. */
  readonly notBeforeMs: number;
  /** Whether the error sets its own retry age, e.g. because the order does not exist yet. */
  readonly hasOwnAge: boolean;
}

/** A notification that a worker has taken but not settled. */
export interface Delivery {
  /** The store's id. */
  readonly id: string;
  readonly notification: FluentNotification;
  /** Notifications with the same key need one run. */
  readonly coalesceKey?: string;
  /** The state that the notification announced. */
  readonly expectedState?: string;
  /** Assigned at acceptance; close to the microseconds of the store's clock. */
  readonly acceptedNumber: number;
  /** Assigned when the notification was taken, and therefore before the run's first read. */
  readonly ticket: RunTicket;
  readonly coverage?: Coverage;
  readonly failing?: Failing;
  /**
   * The number of its key when a run of this delivery last ended without ending the delivery, or its worker
   * died. The run may have written until then, so that only a run with a larger number supersedes the delivery.
   */
  readonly ranUntil?: number;
  /** Whether it came from its account's background lane. */
  readonly background: boolean;
  readonly progress: DeliveryProgress;
  /** How many workers died while they ran this notification. */
  readonly workerDeaths: number;
  /** Milliseconds since the epoch when it was taken, by the store's clock. */
  readonly takenAtMs: number;
  /** The position in the trace of the acceptance, which every run continues. */
  readonly trace?: TraceCarrier;
}

/** @returns when the notification was accepted, in milliseconds since the epoch. */
export function acceptedAtMs({ acceptedNumber }: Pick<Delivery, 'acceptedNumber'>): number {
  return Math.floor(acceptedNumber / 1000);
}

/** @returns the number of the run that a delivery is about to make; counts from 1. */
export function attemptOf({ progress }: Delivery): number {
  return (progress.failures?.attempts ?? 0) + 1;
}
