import { REFERENCE_MAPPINGS, type CommercetoolsOrderRecord } from '../../src/testing/index.js';

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
