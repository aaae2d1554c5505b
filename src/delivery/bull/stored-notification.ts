import { hash } from 'node:crypto';
import type { FluentNotification } from '../../notification/index.js';
import type { TraceCarrier } from '../../tracing/index.js';
import { acceptedAtMs, type Delivery, type DeliveryProgress, type RunTicket } from '../delivery.js';
import type { DeadLetter, UnfinishedNotification } from '../message-queue.js';
import { NO_FAILURES } from '../retry-policy.js';
import type { TakenReply, TicketReply, UnfinishedReply } from './scripts.js';

/** The data of a Bull job: what was accepted, and for a dead letter how it failed. */
export interface StoredNotification {
  /** Drawn at acceptance. */
  readonly number: number;
  readonly expectedState?: string;
  readonly trace?: TraceCarrier;
  readonly notification: FluentNotification;
  /** Only of a dead letter. Before that, the progress is a separate field of the job. */
  readonly progress?: DeliveryProgress;
}

/**
 * The id under which Bull keeps a notification. Notification ids are free text from outside, and Bull
 * builds key names from job ids: a hash cannot collide with Bull's own keys, and has one length. Operators type the ids of
 * dead letters, and a command line takes what begins with a hyphen for an option.
 */
export function jobIdOf({ accountId, id }: FluentNotification): string {
  return hash('sha256', JSON.stringify([accountId, id]), 'base64url')
    .slice(0, 24)
    .replace(/^-/, '_');
}

/** @returns a delivery from what the script `take` replied. */
export function deliveryOf(
  [id, data, progress, workerDeaths, coalesceKey, ranUntil, kind, ticket]: TakenReply,
  takenAtMs: number,
): Delivery {
  const { number, expectedState, trace, notification } = JSON.parse(data) as StoredNotification;
  return {
    id,
    notification,
    coalesceKey: coalesceKey || undefined,
    expectedState,
    acceptedNumber: number,
    ranUntil: ranUntil === null ? undefined : Number(ranUntil),
    background: kind === 'background',
    progress: progressOf(progress),
    workerDeaths: Number(workerDeaths ?? 0),
    takenAtMs,
    trace,
    ...ticketOf(ticket),
  };
}

/** @returns what the ticket part of a reply says. */
export function ticketOf([number, epoch, covered, observed, notBeforeMs, ownAge]: TicketReply): Pick<
  Delivery,
  'ticket' | 'coverage' | 'failing'
> {
  const ticket: RunTicket = { number: Number(number), epoch: epoch || undefined };
  return {
    ticket,
    coverage:
      covered === null ? undefined : { number: Number(covered), observedState: observed ?? undefined },
    failing:
      notBeforeMs === null ? undefined : { notBeforeMs: Number(notBeforeMs), hasOwnAge: ownAge === '1' },
  };
}

/** @returns an unfinished notification from what the script `findUnfinished` replied. */
export function unfinishedOf([, data, progress]: UnfinishedReply): UnfinishedNotification {
  const { number, notification } = JSON.parse(data) as StoredNotification;
  const acceptedAt = new Date(acceptedAtMs({ acceptedNumber: number }));
  return { notification, acceptedAt, progress: progressOf(progress) };
}

function progressOf(text: string | null): DeliveryProgress {
  return text === null ? {} : (JSON.parse(text) as DeliveryProgress);
}

/** @returns a delivery as the data of a dead letter. */
export function deadLetterData(
  { acceptedNumber, expectedState, trace, notification }: Delivery,
  progress: DeliveryProgress,
): StoredNotification {
  return { number: acceptedNumber, expectedState, trace, notification, progress };
}

/** @returns a dead letter from the fields of a Bull job. */
export function deadLetterOf(id: string, data: StoredNotification, finishedOnMs: number): DeadLetter {
  const { number, notification, progress = {} } = data;
  const { attempts, firstFailedAt } = progress.failures ?? NO_FAILURES;
  return {
    id,
    notification,
    error: progress.error ?? { name: 'Error', message: 'unknown' },
    attempts,
    acceptedAt: new Date(Math.floor(number / 1000)),
    firstFailedAt: firstFailedAt === undefined ? undefined : new Date(firstFailedAt),
    diedAt: new Date(finishedOnMs),
  };
}
