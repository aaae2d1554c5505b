/**
 * The payload of a Fluent webhook. The seven required fields are checked at ingress. Everything else is passed through as
 * Fluent sent it, including fields that this interface does not name.
 */
export interface FluentNotification {
  /** Unique per event and account, identical on Fluent's retries. Opaque text, not always a UUID. */
  readonly id: string;
  /** Selects the handler. */
  readonly name: string;
  readonly accountId: string;
  readonly retailerId: string;
  readonly entityId: string;
  readonly entityRef: string;
  readonly entityType: string;
  readonly entitySubtype?: string;
  readonly rootEntityId?: string;
  readonly rootEntityRef?: string;
  readonly rootEntityType?: string;
  /** An object in practice, although the published schema says string. */
  readonly attributes?: unknown;
  /** A hint. The connector never uses it as the order's status. */
  readonly entityStatus?: unknown;
  readonly [field: string]: unknown;
}

/** The order that a notification is about: its entity, or its root entity. */
export interface OrderReference {
  /** Fluent's order id. */
  readonly id: string;
  /** The retailer's own reference of the order. */
  readonly ref: string;
}

/**
 * @returns Fluent's id of the order that a notification is about, or undefined when it names none. A child entity's
 * notification may name the order's id without its ref.
 */
export function orderIdOf(notification: FluentNotification): string | undefined {
  const { entityType, entityId, rootEntityType, rootEntityId } = notification;
  if (entityType === 'ORDER') return entityId;
  return rootEntityType === 'ORDER' && rootEntityId ? rootEntityId : undefined;
}

/** @returns the order a notification is about, or undefined when it does not name its id and its ref. */
export function orderOf(notification: FluentNotification): OrderReference | undefined {
  if (notification.entityType === 'ORDER') {
    return { id: notification.entityId, ref: notification.entityRef };
  }
  const { rootEntityType, rootEntityId, rootEntityRef } = notification;
  if (rootEntityType === 'ORDER' && rootEntityId && rootEntityRef) {
    return { id: rootEntityId, ref: rootEntityRef };
  }
  return undefined;
}

/** Marks notifications that reconciliation, and not Fluent, has created. */
const RECONCILIATION_PREFIX = 'reconciliation:';

/**
 * @returns the notification for an order that reconciliation found. Each update of an order has one id, so that
 * overlapping searches submit it once.
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
    id: `${RECONCILIATION_PREFIX}${id}:${updatedOn}`,
    name,
    accountId,
    retailerId,
    entityId: id,
    entityRef: ref,
    entityType: 'ORDER',
  };
}

/** Of reconciled orders that an operator's backfill has submitted. */
const BACKFILL_PREFIX = `${RECONCILIATION_PREFIX}backfill:`;

/**
 * @returns the notification for an order of a backfill. Each backfill submits each order once, whether or not it was
 * synced before.
 */
export function backfillNotification(
  name: string,
  accountId: string,
  backfillId: string,
  { id, ref, retailerId }: OrderReference & { readonly retailerId: string },
): FluentNotification {
  const identity = { id: `${BACKFILL_PREFIX}${backfillId}:${id}`, name, accountId, retailerId };
  return { ...identity, entityId: id, entityRef: ref, entityType: 'ORDER' };
}

/** Whether an operator's backfill has created the notification. It also counts as from reconciliation. */
export function isFromBackfill({ id }: FluentNotification): boolean {
  return id.startsWith(BACKFILL_PREFIX);
}

/** Whether reconciliation, and not Fluent, has created the notification. */
export function isFromReconciliation({ id }: FluentNotification): boolean {
  return id.startsWith(RECONCILIATION_PREFIX);
}
