import type { MappingKind } from '../../config/index.js';

/** The mappings of Fluent's reference solution, to begin with. */
export const REFERENCE_MAPPINGS: Readonly<
  Record<MappingKind, { readonly fluent: Readonly<Record<string, string>> }>
> = {
  order: {
    fluent: {
      RECEIVED: 'Open',
      PENDING_PAYMENT: 'Open',
      ESCALATED: 'Open',
      BOOKED: 'Confirmed',
      PICK_PACK: 'Confirmed',
      PICK_PACK_CC: 'Confirmed',
      AWAITING_COURIER_COLLECTION: 'Confirmed',
      AWAITING_CUSTOMER_COLLECTION: 'Confirmed',
      COMPLETE: 'Complete',
      CANCELLED: 'Cancelled',
    },
  },
  payment: { fluent: { RECEIVED: 'Pending', PENDING_PAYMENT: 'Pending', BOOKED: 'Paid' } },
  shipping: {
    fluent: {
      RECEIVED: 'Pending',
      BOOKED: 'Pending',
      PICK_PACK: 'Pending',
      AWAITING_COURIER_COLLECTION: 'Shipped',
      COMPLETE: 'Shipped',
    },
  },
};
