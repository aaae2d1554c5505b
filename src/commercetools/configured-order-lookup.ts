import { Injectable } from '@nestjs/common';
import type { RetailerScope } from '../config/index.js';
import type { OrderReference } from '../notification/index.js';
import { withOrderFields } from '../graphql/index.js';
import { CommercetoolsClient } from './commercetools-client.js';
import { ORDER_BY_ID, ORDER_BY_NUMBER, type OrderNode } from './documents.js';
import { OrderLookup, type OrderLookupOptions } from './order-lookup.js';
import type { CommercetoolsOrder } from './order.js';

/** Finds an order by its number or id, which is the Fluent ref without its prefix. */
@Injectable()
export class ConfiguredOrderLookup extends OrderLookup {
  constructor(private readonly client: CommercetoolsClient) {
    super();
  }

  async find(
    { ref }: OrderReference,
    { project, orderLookup, orderRefPrefix = '' }: RetailerScope,
    { commercetoolsFields, ...options }: OrderLookupOptions = {},
  ): Promise<CommercetoolsOrder | undefined> {
    const key = ref.startsWith(orderRefPrefix) ? ref.slice(orderRefPrefix.length) : ref;
    if (key === '') return undefined;
    const { order } =
      orderLookup === 'id'
        ? await this.client.query(
            project.key,
            withOrderFields(ORDER_BY_ID, commercetoolsFields),
            { id: key },
            options,
          )
        : await this.client.query(
            project.key,
            withOrderFields(ORDER_BY_NUMBER, commercetoolsFields),
            { orderNumber: key },
            options,
          );
    if (!order) return undefined;
    return commercetoolsFields ? { ...toOrder(order), fields: order } : toOrder(order);
  }
}

function toOrder({ id, version, orderState, paymentState, shipmentState }: OrderNode): CommercetoolsOrder {
  return {
    id,
    version,
    orderState,
    ...(paymentState !== null && { paymentState }),
    ...(shipmentState !== null && { shipmentState }),
  };
}
