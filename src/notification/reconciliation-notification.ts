import type { FluentNotification, OrderReference } from './notification.js';

const ID_PREFIX = 'reconciliation:';

/**
 * A notification that Fluent did not send: reconciliation found the order updated. One update of an order
 * has one id, so that looks that overlap find it once.
 *
 * @param updatedOn as Fluent reports it.
 */
export function reconciliationNotification(
  name: string,
  accountId: string,
  retailerId: string,
  { id, ref }: OrderReference,
  updatedOn: string,
): FluentNotification {
  return {
    id: `${ID_PREFIX}${id}:${updatedOn}`,
    name,
    accountId,
    retailerId,
    entityId: id,
    entityRef: ref,
    entityType: 'ORDER',
  };
}

export function isFromReconciliation({ id }: FluentNotification): boolean {
  return id.startsWith(ID_PREFIX);
}
