import type { FluentNotification } from '../notification/index.js';
import type { TraceCarrier } from '../tracing/index.js';
import type { FailureHistory } from './retry-policy.js';

/** How a notification ended when it did not fail. */
export type NotificationOutcome = 'updated' | 'unchanged' | 'unmapped' | 'superseded';

/** What a handler's run reports when it did not fail. */
export interface ProcessResult {
  readonly outcome: Exclude<NotificationOutcome, 'superseded'>;
  /** The state in which the run found the entity, compared with {@link Delivery.expectedState}. */
  readonly observedState?: string;
  /** False when the run left work undone that other notifications of the entity wait for. Default: true. */
  readonly supersedesPending?: boolean;
  /** True when the run wants one more run after `RECHECK_DELAY`, e.g. because a source had not caught up. */
  readonly recheck?: boolean;
  /** What the outcome's log line adds: small, and without personal data. */
  readonly details?: Readonly<Record<string, unknown>>;
}

/** How the run before a recheck ended; it is reported unless the recheck changed something. */
export interface FirstRun {
  readonly outcome: NotificationOutcome;
  /** Milliseconds from acceptance until then. */
  readonly lagMs: number;
  readonly details?: ProcessResult['details'];
}

/** What is remembered of a notification from one run to the next. */
export interface DeliveryProgress {
  readonly failures?: FailureHistory;
  /** The error of the last failed run: bounded, without a stack. */
  readonly error?: { readonly name: string; readonly message: string };
  /** Set while a recheck is due. */
  readonly firstRun?: FirstRun;
  /** The recheck needs a run with at least this number, whatever an earlier run observed. */
  readonly recheckFrom?: number;
  /** How often it waited because a run of its key was under way. */
  readonly waits?: number;
  /** How many deaths of workers a back-off has answered. */
  readonly deathsSeen?: number;
}

/**
 * The position of a run among the notifications and runs of its key. Numbers increase strictly within an
 * epoch; a key that the store lost and made anew has another epoch.
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

/** A failed run of a coalesce key, after which its other notifications wait, too. */
export interface Failing {
  /** Milliseconds since the epoch, by the store's clock. */
  readonly notBeforeMs: number;
  /** Whether the error has a retry age of its own, such as an order that is not there yet. */
  readonly hasOwnAge: boolean;
}

/** A notification that a worker has taken and not settled yet. */
export interface Delivery {
  /** The store's id. */
  readonly id: string;
  readonly notification: FluentNotification;
  /** Notifications with the same key need one run. */
  readonly coalesceKey?: string;
  /** The state that the notification announced. */
  readonly expectedState?: string;
  /** Drawn when the notification was accepted: about the microseconds of the store's clock. */
  readonly acceptedNumber: number;
  /** Drawn when the notification was taken, so before the run's first read. */
  readonly ticket: RunTicket;
  readonly coverage?: Coverage;
  readonly failing?: Failing;
  /**
   * The number of its key when a run of this delivery last ended without ending the delivery, or its worker
   * died. The run may have written until then, so that only a run with a larger number supersedes the delivery.
   */
  readonly ranUntil?: number;
  readonly progress: DeliveryProgress;
  /** How many workers died while they ran this notification. */
  readonly workerDeaths: number;
  /** Milliseconds since the epoch when it was taken, by the store's clock. */
  readonly takenAtMs: number;
  /** Where the trace of the notification's acceptance stood; every run continues it. */
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
