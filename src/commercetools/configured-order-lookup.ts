import { Injectable } from '@nestjs/common';
import type { OrderLookupField, RetailerScope } from '../config/index.js';
import { PermanentError } from '../errors.js';
import type { OrderReference } from '../notification/index.js';
import { withOrderFields } from '../graphql/index.js';
import { CommercetoolsClient, type CommercetoolsRequestOptions } from './commercetools-client.js';
import { ORDER_BY_ID, ORDER_BY_NUMBER, ORDER_IDS, type OrderNode } from './documents.js';
import { OrderLookup, type OrderLookupOptions } from './order-lookup.js';
import type { CommercetoolsOrder } from './order.js';

/** Finds an order by its number, its id or a custom field, which holds the Fluent ref without its prefix. */
@Injectable()
export class ConfiguredOrderLookup extends OrderLookup {
  constructor(private readonly client: CommercetoolsClient) {
    super();
  }

  /** @throws PermanentError when the custom field of several orders holds the ref. */
  async find(
    { ref }: OrderReference,
    scope: RetailerScope,
    { commercetoolsFields, ...options }: OrderLookupOptions = {},
  ): Promise<CommercetoolsOrder | undefined> {
    const { project, orderLookup } = scope;
    const key = withoutRefPrefix(ref, scope);
    if (key === '') return undefined;
    let order: OrderNode | null;
    if (orderLookup === 'orderNumber') {
      const document = withOrderFields(ORDER_BY_NUMBER, commercetoolsFields);
      ({ order } = await this.client.query(project.key, document, { orderNumber: key }, options));
    } else {
      const field = customFieldOf(orderLookup);
      const id = field === undefined ? key : await this.idByCustomField(field, key, scope, options);
      if (id === undefined) return undefined;
      const document = withOrderFields(ORDER_BY_ID, commercetoolsFields);
      ({ order } = await this.client.query(project.key, document, { id }, options));
    }
    if (!order) return undefined;
    return commercetoolsFields ? { ...toOrder(order), fields: order } : toOrder(order);
  }

  /** A list may lag behind writes, so it gives only the id, which never changes. */
  private async idByCustomField(
    name: string,
    value: string,
    { project }: RetailerScope,
    options: CommercetoolsRequestOptions,
  ): Promise<string | undefined> {
    // A predicate quotes strings as JSON does. Backticks allow names with a hyphen.
    const where = `custom(fields(\`${name}\` = ${JSON.stringify(value)}))`;
    const { orders } = await this.client.query(project.key, ORDER_IDS, { where }, options);
    const [found, ...others] = orders.results;
    if (others.length > 0) {
      throw new PermanentError(
        `commercetools project ${project.key}: the custom field ${name} of several orders is ${value}; ` +
          'give each order a different value',
        { code: 'AmbiguousOrder' },
      );
    }
    return found?.id;
  }
}

/** @returns the ref as commercetools knows it. */
export function withoutRefPrefix(ref: string, { orderRefPrefix = '' }: Partial<RetailerScope>): string {
  return ref.startsWith(orderRefPrefix) ? ref.slice(orderRefPrefix.length) : ref;
}

/** @returns the name of the custom field that holds the Fluent ref, or undefined when another field does. */
export function customFieldOf(orderLookup: OrderLookupField): string | undefined {
  return orderLookup.startsWith('customField:') ? orderLookup.slice('customField:'.length) : undefined;
}

function toOrder(node: OrderNode): CommercetoolsOrder {
  const { id, orderNumber, version, orderState, paymentState, shipmentState } = node;
  return {
    id,
    ...(orderNumber !== null && { orderNumber }),
    version,
    orderState,
    ...(paymentState !== null && { paymentState }),
    ...(shipmentState !== null && { shipmentState }),
  };
}
