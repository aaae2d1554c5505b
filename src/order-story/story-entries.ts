import {
  acceptedAtMs,
  type Delivery,
  type DescribedError,
  type RunReport,
  type UnfinishedNotification,
} from '../delivery/index.js';
import { orderIdOf, orderOf, type FluentNotification } from '../notification/index.js';
import type { StoryEntry, StoryKey } from './order-stories.js';

/** Whatever a sender calls things. */
const MAX_NAME_LENGTH = 100;
const MAX_MESSAGE_LENGTH = 300;

/** @returns undefined for a notification that is about no order. */
export function storyKeyOf(notification: FluentNotification): StoryKey | undefined {
  const { accountId, entityType, entityRef } = notification;
  if (entityType === 'commercetools.order') return { accountId, order: entityRef };
  const ref = orderOf(notification)?.ref;
  if (ref !== undefined) return { accountId, order: ref };
  const id = orderIdOf(notification);
  return id === undefined ? undefined : { accountId, order: `#${id}` };
}

/** @returns how a run has ended, or failed. */
export function endedEntry(
  { notification, outcome, attempt, error, details }: RunReport,
  { id, acceptedNumber, progress, coalesceKey }: Delivery,
): StoryEntry {
  const isDead = outcome === 'dead';
  // Without spreads: each run makes one.
  return {
    notificationId: bounded(notification.id),
    name: bounded(notification.name),
    announced: announcedBy(notification),
    acceptedAt: acceptedAtMs({ acceptedNumber }),
    at: Date.now(),
    outcome,
    attempt,
    error: errorOf(error ?? progress.error),
    deadLetterId: isDead ? id : undefined,
    coalesceKey: isDead ? coalesceKey : undefined,
    details,
  };
}

/**
 * @param kept the entries of its order by notification. The one about it may be older: a dead letter that was replayed.
 * @returns what an unfinished notification waits for.
 */
export function unfinishedEntry(
  { notification, acceptedAt, progress }: UnfinishedNotification,
  kept: ReadonlyMap<string, StoryEntry>,
): StoryEntry {
  const notificationId = bounded(notification.id);
  const known = kept.get(notificationId);
  const error = errorOf(progress.error);
  if (error && known?.outcome === 'retried') return known;
  const attempts = progress.failures?.attempts ?? 0;
  return {
    notificationId,
    name: bounded(notification.name),
    announced: announcedBy(notification),
    acceptedAt: acceptedAt.getTime(),
    at: acceptedAt.getTime(),
    outcome: error ? 'retried' : 'accepted',
    // A run that an open circuit has put off does not count as failed.
    attempt: error ? Math.max(attempts, 1) : attempts,
    error,
  };
}

function announcedBy({ entityType, entityStatus }: FluentNotification): string | undefined {
  return entityType === 'ORDER' && typeof entityStatus === 'string' ? bounded(entityStatus) : undefined;
}

function errorOf(error: DescribedError | undefined): StoryEntry['error'] {
  return error && { name: bounded(error.name), message: error.message.slice(0, MAX_MESSAGE_LENGTH) };
}

function bounded(name: string): string {
  return name.slice(0, MAX_NAME_LENGTH);
}
