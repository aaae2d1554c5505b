import { Injectable } from '@nestjs/common';
import {
  SettingsStatusMapper,
  StatusMapper,
  type FluentOrder,
  type OrderStates,
  type RetailerScope,
} from 'fluent-commercetools-connector';

/**
 * Click and collect orders are never shipped: they are ready in the store, then handed over. Everything else
 * is left to the mappings in Fluent's settings.
 */
@Injectable()
export class CollectionStatusMapper extends StatusMapper {
  constructor(private readonly settings: SettingsStatusMapper) {
    super();
  }

  override async map(order: FluentOrder, scope: RetailerScope): Promise<OrderStates> {
    const states = await this.settings.map(order, scope);
    if (order.type !== 'CC') return states;
    if (order.status === 'AWAITING_CUSTOMER_COLLECTION') return { ...states, shipmentState: 'Ready' };
    if (order.status === 'COMPLETE') return { ...states, shipmentState: 'Delivered' };
    return states;
  }
}
