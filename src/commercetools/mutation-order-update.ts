import { Injectable } from '@nestjs/common';
import type { RetailerScope } from '../config/index.js';
import { CommercetoolsClient, type CommercetoolsRequestOptions } from './commercetools-client.js';
import { UPDATE_ORDER } from './documents.js';
import { OrderUpdate } from './order-update.js';
import type { CommercetoolsOrder, OrderStates, OrderUpdateAction } from './order.js';

/** Sends all actions in one `updateOrder` mutation, which applies all of them or none. */
@Injectable()
export class MutationOrderUpdate extends OrderUpdate {
  constructor(private readonly client: CommercetoolsClient) {
    super();
  }

  async apply(
    { id, version }: CommercetoolsOrder,
    actions: readonly OrderUpdateAction[],
    { project }: RetailerScope,
    options?: CommercetoolsRequestOptions,
  ): Promise<void> {
    // Repeating it is safe, because it names the version.
    const shared = { ...options, shareRequest: true };
    await this.client.mutate(project.key, UPDATE_ORDER, { id, version, actions }, shared);
  }
}

/**
 * Pure: the update actions that change an order's states to the wanted ones. A state that is missing in `wanted`, or
 * that the order already has, needs no action.
 */
export function orderUpdateActions(current: CommercetoolsOrder, wanted: OrderStates): OrderUpdateAction[] {
  const { orderState, paymentState, shipmentState } = wanted;
  const actions: OrderUpdateAction[] = [];
  if (orderState && orderState !== current.orderState) {
    actions.push({ changeOrderState: { orderState } });
  }
  if (paymentState && paymentState !== current.paymentState) {
    actions.push({ changePaymentState: { paymentState } });
  }
  if (shipmentState && shipmentState !== current.shipmentState) {
    actions.push({ changeShipmentState: { shipmentState } });
  }
  return actions;
}
