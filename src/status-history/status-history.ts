import type { RetailerScope } from '../config/index.js';
import type { FluentOrder, FluentRequestOptions } from '../fluent/index.js';

/** A status that an order has had. */
export interface PassedStatus {
  readonly status: string;
  /** When the order moved to it. */
  readonly at: Date;
}

/**
 * Finds the statuses that an order has passed.
 *
 * An order can move through several statuses before the connector reads it. The history shows which of them have an entry
 * in a mapping, so that the connector can set their states as well. The built-in handler reads the history only when a
 * mapping has no entry for the present status and the state could be out of date.
 *
 * Replace it when the history comes from another source, e.g. an event store or an attribute of the order. The default is
 * {@link AuditLogStatusHistory}, configured by `STATUS_CHANGE_RULES`. `STATUS_HISTORY=off` disables every implementation.
 * Override it in `ConnectorModule.register({ overrides })`.
 *
 * An override must read the history after it was called, because the caller has already read the order's status. It must
 * not use a cache: the connector would skip the states of a missing status.
 *
 * @example
 * @Injectable()
 * class EventStoreHistory extends StatusHistory {
 *   constructor(private readonly store: EventStore) {
 *     super();
 *   }
 *
 *   async passed({ id }: FluentOrder) {
 *     const events = await this.store.statusChangesOf(id);
 *     return events.map(({ status, at }) => ({ status, at }));
 *   }
 * }
 *
 * ConnectorModule.register({
 *   providers: [EventStore],
 *   overrides: [{ provide: StatusHistory, useClass: EventStoreHistory }],
 * });
 */
export abstract class StatusHistory {
  /**
   * @param order as it was read just before.
   * @returns the statuses that the order has passed, oldest first, each as often as the order passed it. If the newest entry
   * is not the order's present status, the history has not caught up, and the order is synced once more.
   * @throws any error when the history cannot be read. It is logged and does not fail the notification.
   */
  abstract passed(
    order: FluentOrder,
    scope: RetailerScope,
    options?: FluentRequestOptions,
  ): Promise<readonly PassedStatus[]>;
}
