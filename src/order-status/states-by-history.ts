import type { OrderStates } from '../commercetools/index.js';

/** One of the three states of an order. */
export type StateField = keyof OrderStates;

export const STATE_FIELDS = [
  'orderState',
  'paymentState',
  'shipmentState',
] as const satisfies readonly StateField[];

/**
 * Pure: whether a status that the order passed could give another state than the present one. Only for a
 * mapping that has no entry for the order's present status.
 *
 * @param possible every state that the mapping gives; undefined when that is not known.
 */
export function mayBeBehind(
  field: StateField,
  current: string | null | undefined,
  possible: ReadonlySet<string> | undefined,
): boolean {
  if (possible === undefined) return true;
  const isOurs = isUnset(field, current) || possible.has(current);
  return isOurs && [...possible].some((state) => state !== current);
}

/**
 * Pure: what a state must be set to, so that it is what one sync after every single status would have left.
 * Only for a mapping that has no entry for the order's present status.
 *
 * @param given what the statuses that the order has passed give by this mapping, oldest first; those
 * without an entry are left out.
 * @returns undefined when the state stays: it is right, or this mapping has not written it.
 */
export function stateByHistory(
  field: StateField,
  current: string | null | undefined,
  given: readonly string[],
): string | undefined {
  const newest = given.at(-1);
  if (newest === undefined || newest === current) return undefined;
  // A state that no passed status gives was written by somebody else, a payment provider or a person.
  return isUnset(field, current) || given.includes(current) ? newest : undefined;
}

/** Every commercetools order starts as `Open`, so that nobody needs to have written it. */
function isUnset(field: StateField, state: string | null | undefined): state is null | undefined {
  return state === undefined || state === null || (field === 'orderState' && state === 'Open');
}
