import { Injectable } from '@nestjs/common';
import type { RetailerScope } from '../config/index.js';
import { CommercetoolsClient, type CommercetoolsRequestOptions } from './commercetools-client.js';
import { customFieldOf } from './configured-order-lookup.js';
import { ORDER_REFERENCES } from './documents.js';
import { OrderReferenceResolver } from './order-reference-resolver.js';

/** Reads the field that `ORDER_LOOKUP` names, and gives it with `ORDER_REF_PREFIX` and without. */
@Injectable()
export class ConfiguredOrderReferenceResolver extends OrderReferenceResolver {
  constructor(private readonly client: CommercetoolsClient) {
    super();
  }

  async fluentRefs(
    orderId: string,
    scope: RetailerScope,
    options?: CommercetoolsRequestOptions,
  ): Promise<readonly string[]> {
    const key = await this.keyOf(orderId, scope, options);
    return key === undefined ? [] : [...new Set([(scope.orderRefPrefix ?? '') + key, key])];
  }

  private async keyOf(
    orderId: string,
    { project, orderLookup }: RetailerScope,
    options?: CommercetoolsRequestOptions,
  ): Promise<string | undefined> {
    if (orderLookup === 'id') return orderId;
    const field = customFieldOf(orderLookup);
    const variables = { id: orderId, fields: field === undefined ? [] : [field] };
    const { order } = await this.client.query(project.key, ORDER_REFERENCES, variables, options);
    const key = field === undefined ? order?.orderNumber : order?.custom?.customFieldsRaw?.[0]?.value;
    return typeof key === 'string' && key !== '' ? key : undefined;
  }
}
