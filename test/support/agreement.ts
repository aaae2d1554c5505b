import {
  REFERENCE_MAPPINGS,
  type CommercetoolsOrderRecord,
  type FluentOrderRecord,
} from '../../src/testing/index.js';

const FIELDS = ['orderState', 'paymentState', 'shipmentState'] as const;
/** In the order of {@link FIELDS}. */
const MAPPINGS = Object.values(REFERENCE_MAPPINGS).map(
  ({ fluent }) => new Map<string, string>(Object.entries(fluent)),
);

/**
 * Whether a commercetools order shows a Fluent status. Checked from the mappings themselves, not with the
 * connector's own code.
 */
export function agrees(order: CommercetoolsOrderRecord | undefined, fluentStatus: string): boolean {
  return FIELDS.every((field, index) => {
    const wanted = MAPPINGS[index]?.get(fluentStatus);
    return wanted === undefined || order?.[field]?.toLowerCase() === wanted.toLowerCase();
  });
}

/** What an order has before its first status: commercetools starts every order as `Open`. */
const INITIAL = { orderState: 'open', paymentState: undefined, shipmentState: undefined };

/**
 * Whether all three states of a commercetools order are what its Fluent order's history demands: those that
 * one update after every single status would have left.
 */
export function agreesWithHistory(
  order: CommercetoolsOrderRecord | undefined,
  { history }: Pick<FluentOrderRecord, 'history'>,
): boolean {
  return FIELDS.every((field, index) => {
    const given = history.map(({ status }) => MAPPINGS[index]?.get(status)?.toLowerCase());
    const wanted = given.findLast((state) => state !== undefined) ?? INITIAL[field];
    return order?.[field]?.toLowerCase() === wanted;
  });
}
