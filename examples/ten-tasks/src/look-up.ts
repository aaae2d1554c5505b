import { Injectable } from '@nestjs/common';
import {
  ConfiguredOrderLookup,
  FluentClient,
  OrderLookup,
  type CommercetoolsOrder,
  type OrderLookupOptions,
  type OrderReference,
  type RetailerScope,
} from 'fluent-commercetools-connector';

/** The order number is in an attribute of the Fluent order. */
@Injectable()
export class AttributeOrderLookup extends OrderLookup {
  constructor(
    private readonly configured: ConfiguredOrderLookup,
    private readonly fluent: FluentClient,
  ) {
    super();
  }

  override async find(
    { id, ref }: OrderReference,
    scope: RetailerScope,
    options?: OrderLookupOptions,
  ): Promise<CommercetoolsOrder | undefined> {
    const order = await this.fluent.getOrder(scope, id, { signal: options?.signal });
    const orderNumber = order?.attributes.find(({ name }) => name === 'orderNumber')?.value;
    const found = typeof orderNumber === 'string' ? orderNumber : ref;
    return this.configured.find({ id, ref: found }, scope, options);
  }
}
