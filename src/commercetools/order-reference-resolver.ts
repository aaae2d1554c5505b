import type { RetailerScope } from '../config/index.js';
import type { CommercetoolsRequestOptions } from './commercetools-client.js';

/**
 * The way back of {@link OrderLookup}: which Fluent order a commercetools order belongs to.
 *
 * Override it together with {@link OrderLookup}, so that handlers of commercetools messages (the built-in
 * cancellation, yours) find the same Fluent order. The default is {@link ConfiguredOrderReferenceResolver}, configured
 * by `ORDER_LOOKUP` and `ORDER_REF_PREFIX`. Override it in `ConnectorModule.register({ overrides })`.
 *
 * An override returns every ref that its look-up would accept, so that no Fluent order is missed.
 *
 * @example
 * class KeyedReferenceResolver extends OrderReferenceResolver {
 *   constructor(private readonly client: CommercetoolsClient) {
 *     super();
 *   }
 *
 *   async fluentRefs(orderId: string, { project }: RetailerScope, options?: CommercetoolsRequestOptions) {
 *     const { order } = await this.client.query(project.key, PURCHASE_ORDER_NUMBER, { id: orderId }, options);
 *     return order?.purchaseOrderNumber ? [order.purchaseOrderNumber] : [];
 *   }
 * }
 *
 * ConnectorModule.register({ overrides: [{ provide: OrderReferenceResolver, useClass: KeyedReferenceResolver }] });
 */
export abstract class OrderReferenceResolver {
  /**
   * @param orderId the id of the commercetools order.
   * @returns the refs that its Fluent order may have, the likeliest first; empty when it can have none.
   */
  abstract fluentRefs(
    orderId: string,
    scope: RetailerScope,
    options?: CommercetoolsRequestOptions,
  ): Promise<readonly string[]>;
}
