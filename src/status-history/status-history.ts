import type { RetailerScope } from '../config/index.js';
import type { FluentOrder, FluentRequestOptions } from '../fluent/index.js';

/** A status that an order has had. */
export interface PassedStatus {
  readonly status: string;
  /** When the order moved to it. */
  readonly at: Date;
}

/**
 * Knows which statuses an order has passed.
 *
 * An order can move through several statuses before the connector reads it. The history tells which
 * mappings had an entry on the way, so that no state stays behind. The built-in handler asks for it only
 * when the present status lacks an entry in a mapping and the state could be behind.
 *
 * Replace it when the history comes from another source: an event store, an attribute of the order. The
 * default is {@link AuditLogStatusHistory}; `STATUS_HISTORY=off` switches any of them off.
 *
 * A replacement must read the history after it was called, because the caller has read the order's status
 * before. It must not answer from a cache: a status that is missing from the answer stays behind.
 *
 * @example
 * ConnectorModule.register({ overrides: [{ provide: StatusHistory, useClass: EventStoreHistory }] })
 */
export abstract class StatusHistory {
  /**
   * @param order as it was read just before.
   * @returns the statuses that the order has passed, oldest first, each as often as it was passed. The
   * history has caught up when its newest entry is the order's present status; if it has not, the order is
   * synced once more.
   * @throws any error when the history cannot be had. It is logged and does not fail the notification.
   */
  abstract passed(
    order: FluentOrder,
    scope: RetailerScope,
    options?: FluentRequestOptions,
  ): Promise<readonly PassedStatus[]>;
}
