import type { CommercetoolsOrder, OrderStates, OrderUpdateAction } from './order.js';

/**
 * Pure: the update actions that turn an order's states into the wanted ones. A state that is not wanted
 * or already there gets no action.
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
