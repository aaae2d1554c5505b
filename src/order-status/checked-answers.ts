import {
  ORDER_STATES,
  PAYMENT_STATES,
  SHIPMENT_STATES,
  type CommercetoolsOrder,
  type OrderStates,
} from '../commercetools/index.js';
import type { FluentOrder } from '../fluent/index.js';
import { invalidReturn } from '../call-override.js';

/** What replaceable classes answer is checked where it comes in: what is wrong is told under their name. */

const ALLOWED: Readonly<Record<keyof OrderStates, readonly unknown[]>> = {
  orderState: ORDER_STATES,
  paymentState: PAYMENT_STATES,
  shipmentState: SHIPMENT_STATES,
};

/** @throws TransientError when it is not what a mapper gives. */
export function checkedStates(mapper: object, answer: unknown): OrderStates {
  if (!isObject(answer)) throw invalidReturn(mapper, 'map', 'no object with states');
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

/** @throws TransientError when it is not what a look-up gives. */
export function checkedOrder(
  lookup: object,
  answer: unknown,
  fieldsAreNeeded: boolean,
): CommercetoolsOrder | undefined {
  // What JavaScript's own look-ups give for nothing.
  if (answer === undefined || answer === null) return undefined;
  if (!isObject(answer) || !isText(answer['id']) || !Number.isInteger(answer['version'])) {
    throw invalidReturn(lookup, 'find', 'no order with an id and a version');
  }
  if (fieldsAreNeeded) checkFields(lookup, 'find', answer, 'commercetoolsFields');
  return answer as unknown as CommercetoolsOrder;
}

/** @throws TransientError when it is not what a Fluent client gives. */
export function checkedFluentOrder(
  client: object,
  answer: unknown,
  fieldsAreNeeded: boolean,
): FluentOrder | undefined {
  if (answer === undefined || answer === null) return undefined;
  if (!isObject(answer) || typeof answer['status'] !== 'string' || !isText(answer['retailerId'])) {
    throw invalidReturn(client, 'getOrder', 'no order with a status and a retailerId');
  }
  if (fieldsAreNeeded) checkFields(client, 'getOrder', answer, 'fluentFields');
  return answer as unknown as FluentOrder;
}

function checkFields(owner: object, method: string, answer: Record<string, unknown>, option: string): void {
  if (isObject(answer['fields'])) return;
  throw invalidReturn(
    owner,
    method,
    `an order without the fields that a hook asks for; query withOrderFields(document, options.${option}) ` +
      'and return the order that it gives as fields',
  );
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isText(value: unknown): boolean {
  return typeof value === 'string' && value !== '';
}
