import type { MappingKind } from '../config/index.js';

/** Both spellings occur in the field; the documented one of each kind comes first. */
const SPELLINGS: Readonly<Record<MappingKind, readonly [string, string]>> = {
  order: [
    'fc.connect.commercetools.order.order-status-mapping',
    'fc.connect.commerce-tools.order.order-status-mapping',
  ],
  payment: [
    'fc.connect.commerce-tools.order.payment-status-mapping',
    'fc.connect.commercetools.order.payment-status-mapping',
  ],
  shipping: [
    'fc.connect.commerce-tools.order.shipping-status-mapping',
    'fc.connect.commercetools.order.shipping-status-mapping',
  ],
};

/**
 * Pure: the names under which a mapping is looked for, in order. A name that an operator chose stands
 * alone; only the default has another spelling.
 */
export function settingNames(kind: MappingKind, configured: string): readonly string[] {
  return configured === SPELLINGS[kind][0] ? SPELLINGS[kind] : [configured];
}
