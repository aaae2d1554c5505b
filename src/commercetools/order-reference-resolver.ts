import type { RetailerScope } from '../config/index.js';
import type { CommercetoolsRequestOptions } from './commercetools-client.js';

/**
 * Finds the Fluent refs of a commercetools order. It is the inverse of {@link OrderLookup}.
 *
 * Override it whenever you override {@link OrderLookup}. Otherwise handlers of commercetools messages, such as the
 * built-in cancellation, look for another Fluent order than the one that your look-up matches. The default is
 * {@link ConfiguredOrderReferenceResolver}, which follows `ORDER_LOOKUP` and `ORDER_REF_PREFIX`. Register an override in
 * `ConnectorModule.register({ overrides })`.
 *
 * An override must return every ref that your look-up would accept for the order.
 *
 * @example
 * @Injectable()
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
   * @returns the refs that its Fluent order may have, the most likely first; empty if the order has no Fluent order.
   */
  abstract fluentRefs(
    orderId: string,
    scope: RetailerScope,
    options?: CommercetoolsRequestOptions,
  ): Promise<readonly string[]>;
}
