import type { OrderStates } from '../commercetools/index.js';

/** One of the three states of an order. */
export type StateField = keyof OrderStates;

export const STATE_FIELDS = [
  'orderState',
  'paymentState',
  'shipmentState',
] as const satisfies readonly StateField[];

/**
 * Pure: whether a status that the order passed could give a state that differs from the current one. Only for a mapping
 * without an entry for the order's present status.
 *
 * @param possible every state that the mapping can give, or undefined when this is unknown.
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
 * Pure: the state that the order would have if every status had been synced. Only for a mapping without an entry for the
 * order's present status.
 *
 * @param given the states that this mapping gives for the passed statuses, oldest first, without statuses that have no entry.
 * @returns undefined when the state must not change: it is correct, or this mapping did not write it.
 */
export function stateByHistory(
  field: StateField,
  current: string | null | undefined,
  given: readonly string[],
): string | undefined {
  const newest = given.at(-1);
  if (newest === current) return undefined;
  // If no passed status gives the current state, another client has written it, e.g. a payment provider.
  return isUnset(field, current) || given.includes(current) ? newest : undefined;
}

/** Every commercetools order starts as `Open`, so this state need not come from the mapping. */
function isUnset(field: StateField, state: string | null | undefined): state is null | undefined {
  return state === undefined || state === null || (field === 'orderState' && state === 'Open');
}
