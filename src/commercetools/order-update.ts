import type { RetailerScope } from '../config/index.js';
import type { CommercetoolsRequestOptions } from './commercetools-client.js';
import type { CommercetoolsOrder, OrderUpdateAction } from './order.js';

/**
 * Writes update actions to a commercetools order.
 *
 * Replace it to send another mutation, or to report each write to another system. The default is
 * {@link MutationOrderUpdate}, which needs no configuration. Override it in `ConnectorModule.register({ overrides })`.
 *
 * An override must send the version of the order that it was given, and must never repeat the write with a newer
 * one. An old status would otherwise overwrite a newer status. It must apply all actions or none.
 *
 * @example
 * @Injectable()
 * class AuditedOrderUpdate extends OrderUpdate {
 *   constructor(
 *     private readonly inner: MutationOrderUpdate,
 *     private readonly audit: AuditLog,
 *   ) {
 *     super();
 *   }
 *
 *   async apply(...[order, actions, scope, options]: Parameters<OrderUpdate['apply']>): Promise<void> {
 *     await this.inner.apply(order, actions, scope, options);
 *     await this.audit.record(order.id, actions);
 *   }
 * }
 *
 * ConnectorModule.register({ providers: [AuditLog], overrides: [{ provide: OrderUpdate, useClass: AuditedOrderUpdate }] });
 */
export abstract class OrderUpdate {
  /**
   * @param order the order as it was read. Its `version` guards the write.
   * @param actions never empty.
   * @throws ConflictError when the order now has another version.
   */
  abstract apply(
    order: CommercetoolsOrder,
    actions: readonly OrderUpdateAction[],
    scope: RetailerScope,
    options?: CommercetoolsRequestOptions,
  ): Promise<void>;
}
