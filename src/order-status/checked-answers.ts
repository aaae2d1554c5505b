import { ORDER_STATES, PAYMENT_STATES, SHIPMENT_STATES, type OrderStates } from '../commercetools/index.js';
import type { FluentOrder } from '../fluent/index.js';
import { invalidReturn } from '../call-override.js';
import { requireFields } from '../graphql/index.js';
import { isJsonObject, isNonEmptyText } from '../json.js';

/**
 * Return values of overrides are checked here only where a wrong one would make the next system refuse a request, or write
 * a wrong order. Without the check, the error would not name the override.
 */

const ALLOWED: Readonly<Record<keyof OrderStates, readonly unknown[]>> = {
  orderState: ORDER_STATES,
  paymentState: PAYMENT_STATES,
  shipmentState: SHIPMENT_STATES,
};

/** @throws TransientError that names the mapper when commercetools would refuse a state. */
export function checkedStates(mapper: object, answer: unknown): OrderStates {
  if (!isJsonObject(answer)) throw invalidReturn(mapper, 'map', 'something other than an object with states');
  for (const [field, allowed] of Object.entries(ALLOWED)) {
    const state = answer[field];
    if (state === undefined || allowed.includes(state)) continue;
    throw invalidReturn(
      mapper,
      'map',
      `the ${field} ${JSON.stringify(state)}; allowed are ${allowed.join(', ')}, or none to leave it alone`,
    );
  }
  return answer;
}

/** @throws TransientError that names the client when the order cannot be mapped or belongs to no retailer. */
export function checkedFluentOrder(
  client: object,
  answer: unknown,
  fieldsAreNeeded: boolean,
): FluentOrder | undefined {
  if (answer === undefined || answer === null) return undefined;
  if (
    !isJsonObject(answer) ||
    typeof answer['status'] !== 'string' ||
    !isNonEmptyText(answer['retailerId'])
  ) {
    throw invalidReturn(client, 'getOrder', 'something other than an order with a status and a retailerId');
  }
  if (fieldsAreNeeded) requireFields(client, 'getOrder', answer, 'fluentFields');
  return answer as unknown as FluentOrder;
}
