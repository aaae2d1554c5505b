import type { RetailerScope } from '../config/index.js';
import type { CommercetoolsRequestOptions } from './commercetools-client.js';
import type { CommercetoolsOrder, OrderUpdateAction } from './order.js';

/**
 * Writes update actions to a commercetools order.
 *
 * Replace it to send another mutation. The default is {@link MutationOrderUpdate}. It must name the
 * version it was given and must never force: the proof of convergence rests on the conflict.
 */
export abstract class OrderUpdate {
  /**
   * @param order as it was read; its `version` guards the write.
   * @param actions never empty.
   * @throws ConflictError when the order has another version by now.
   */
  abstract apply(
    order: CommercetoolsOrder,
    actions: readonly OrderUpdateAction[],
    scope: RetailerScope,
    options?: CommercetoolsRequestOptions,
  ): Promise<void>;
}
