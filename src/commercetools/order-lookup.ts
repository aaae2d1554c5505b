import type { RetailerScope } from '../config/index.js';
import type { OrderReference } from '../notification/index.js';
import type { OrderFields } from '../graphql/index.js';
import type { CommercetoolsRequestOptions } from './commercetools-client.js';
import type { CommercetoolsOrder } from './order.js';

/** Options of {@link OrderLookup.find}. */
export interface OrderLookupOptions extends CommercetoolsRequestOptions {
  /** More fields to read with the order, for hooks; see {@link CommercetoolsOrder.fields}. */
  readonly commercetoolsFields?: OrderFields;
}

/**
 * Finds the commercetools order of a Fluent order.
 *
 * Replace it when the Fluent ref is neither the order number nor the order id, e.g. when a Fluent order
 * attribute holds the commercetools key. The default is {@link ConfiguredOrderLookup} (`ORDER_LOOKUP`,
 * `ORDER_REF_PREFIX`).
 *
 * It must read the one order, never a list query: lists may lag behind writes, and a stale
 * "already equal" would skip a needed write. With hooks that ask for fields, its query must have them
 * (`withOrderFields`).
 */
export abstract class OrderLookup {
  /** @returns the order as it is now with its version, or undefined when commercetools has none. */
  abstract find(
    order: OrderReference,
    scope: RetailerScope,
    options?: OrderLookupOptions,
  ): Promise<CommercetoolsOrder | undefined>;
}
