/** Setting names and values of the three status mappings, as Fluent's reference solution creates them. */
export const REFERENCE_MAPPINGS = {
  'fc.connect.commercetools.order.order-status-mapping': {
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
  // Lower case on purpose: that is what retailers have in their accounts.
  'fc.connect.commerce-tools.order.payment-status-mapping': {
    fluent: { RECEIVED: 'pending', PENDING_PAYMENT: 'pending', BOOKED: 'paid' },
  },
  'fc.connect.commerce-tools.order.shipping-status-mapping': {
    fluent: {
      RECEIVED: 'Pending',
      BOOKED: 'Pending',
      PICK_PACK: 'Pending',
      AWAITING_COURIER_COLLECTION: 'Shipped',
      COMPLETE: 'Shipped',
    },
  },
} as const;

/** The statuses through which the reference workflows lead an order, oldest first. */
export const REFERENCE_WORKFLOWS = {
  homeDelivery: [
    'RECEIVED',
    'PENDING_PAYMENT',
    'BOOKED',
    'PICK_PACK',
    'AWAITING_COURIER_COLLECTION',
    'COMPLETE',
  ],
  clickAndCollect: [
    'RECEIVED',
    'PENDING_PAYMENT',
    'BOOKED',
    'PICK_PACK_CC',
    'AWAITING_CUSTOMER_COLLECTION',
    'COMPLETE',
  ],
  cancelled: ['RECEIVED', 'PENDING_PAYMENT', 'CANCELLED'],
} as const;
