import type { FluentNotification } from '../notification/index.js';
import type { EntitySearch } from './message-queue.js';

/** Whether a notification's entity or root entity is one of those that are searched for. */
export function isSought(notification: FluentNotification, { accountId, refs, ids }: EntitySearch): boolean {
  const { entityId, entityRef, rootEntityId, rootEntityRef } = notification;
  const isOneOf = (sought: readonly string[], ...names: readonly (string | undefined)[]): boolean =>
    names.some((name) => name !== undefined && sought.includes(name));
  return (
    notification.accountId === accountId &&
    (isOneOf(refs, entityRef, rootEntityRef) || isOneOf(ids, entityId, rootEntityId))
  );
}
