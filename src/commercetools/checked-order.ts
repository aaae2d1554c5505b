import { invalidReturn } from '../call-override.js';
import { isJsonObject, isNonEmptyText } from '../json.js';
import type { CommercetoolsOrder } from './order.js';

/** @throws TransientError that names the look-up when the order cannot be updated. */
export function checkedOrder(
  lookup: object,
  answer: unknown,
  fieldsAreNeeded: boolean,
): CommercetoolsOrder | undefined {
  // An override may return either when it finds nothing.
  if (answer === undefined || answer === null) return undefined;
  if (!isJsonObject(answer) || !isNonEmptyText(answer['id']) || !Number.isInteger(answer['version'])) {
    throw invalidReturn(lookup, 'find', 'something other than an order with an id and a version');
  }
  if (fieldsAreNeeded && !isJsonObject(answer['fields'])) {
    throw invalidReturn(
      lookup,
      'find',
      'an order without the fields that were asked for; query ' +
        'withOrderFields(document, options.commercetoolsFields) and return its result as fields',
    );
  }
  return answer as unknown as CommercetoolsOrder;
}
