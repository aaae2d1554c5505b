import {
  acceptedAtMs,
  type Delivery,
  type RunReport,
  type UnfinishedNotification,
} from '../delivery/index.js';
import { orderIdOf, orderOf, type FluentNotification } from '../notification/index.js';
import type { StoryEntry, StoryKey } from './order-stories.js';

/** Whatever a sender calls things. */
const MAX_NAME_LENGTH = 100;

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
  delivery: Delivery,
): StoryEntry {
  const lastError = error ?? delivery.progress.error;
  return {
    ...identityOf(notification),
    acceptedAt: acceptedAtMs(delivery),
    at: Date.now(),
    outcome,
    attempt,
    ...(lastError && { error: { name: lastError.name, message: lastError.message } }),
    ...(details && { details }),
    ...(delivery.coalesceKey !== undefined && { coalesceKey: delivery.coalesceKey }),
    ...(outcome === 'dead' && { deadLetterId: delivery.id }),
  };
}

/**
 * @param kept the entries of its order by notification. The one about it may be older: a dead letter that was replayed.
 * @returns what an unfinished notification waits for.
 */
export function unfinishedEntry(
  { notification, acceptedAt, progress: { error, failures } }: UnfinishedNotification,
  kept: ReadonlyMap<string, StoryEntry>,
): StoryEntry {
  const identity = identityOf(notification);
  const known = kept.get(identity.notificationId);
  if (error && known?.outcome === 'retried') return known;
  const [acceptedMs, attempts] = [acceptedAt.getTime(), failures?.attempts ?? 0];
  const entry = { ...identity, acceptedAt: acceptedMs, at: acceptedMs };
  if (!error) return { ...entry, outcome: 'accepted', attempt: attempts };
  // A run that an open circuit has put off does not count as failed.
  const attempt = Math.max(attempts, 1);
  return { ...entry, outcome: 'retried', attempt, error: { name: error.name, message: error.message } };
}

function identityOf({ id, name, retailerId, entityType, entityStatus }: FluentNotification) {
  const announced = entityType === 'ORDER' && typeof entityStatus === 'string' ? entityStatus : undefined;
  return {
    notificationId: id.slice(0, MAX_NAME_LENGTH),
    name: name.slice(0, MAX_NAME_LENGTH),
    retailerId,
    ...(announced !== undefined && { announced: announced.slice(0, MAX_NAME_LENGTH) }),
  };
}
