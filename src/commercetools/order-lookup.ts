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
 * Replace it when the Fluent ref is neither the order number nor the order id, e.g. when a Fluent order attribute
 * holds the commercetools key. The default is {@link ConfiguredOrderLookup}, configured by `ORDER_LOOKUP` and
 * `ORDER_REF_PREFIX`. Override it in `ConnectorModule.register({ overrides })`.
 *
 * An override must read the single order, never a list query and never a cache. Lists may lag behind writes, and a
 * stale "already equal" would skip a needed write. When hooks ask for fields, its query must include them
 * ({@link withOrderFields}).
 *
 * @example
 * @Injectable()
 * class KeyOrderLookup extends OrderLookup {
 *   constructor(private readonly client: CommercetoolsClient) {
 *     super();
 *   }
 *
 *   async find({ ref }: OrderReference, { project }: RetailerScope, options: OrderLookupOptions = {}) {
 *     const document = withOrderFields(ORDER_BY_KEY, options.commercetoolsFields);
 *     const { order } = await this.client.query(project.key, document, { key: ref }, options);
 *     return order ? { ...order, fields: order } : undefined;
 *   }
 * }
 *
 * ConnectorModule.register({ overrides: [{ provide: OrderLookup, useClass: KeyOrderLookup }] });
 */
export abstract class OrderLookup {
  /** @returns the order as it is now, with its version, or undefined when commercetools does not have it. */
  abstract find(
    order: OrderReference,
    scope: RetailerScope,
    options?: OrderLookupOptions,
  ): Promise<CommercetoolsOrder | undefined>;
}
