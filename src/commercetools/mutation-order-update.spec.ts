import { describe, expect, it } from 'vitest';
import { orderUpdateActions } from './mutation-order-update.js';
import type { CommercetoolsOrder, OrderStates } from './order.js';

const ORDER: CommercetoolsOrder = { id: 'o', version: 3, orderState: 'Open', shipmentState: 'Pending' };

describe('orderUpdateActions', () => {
  it.each<[string, OrderStates, object[]]>([
    ['nothing wanted', {}, []],
    ['nothing differs', { orderState: 'Open', shipmentState: 'Pending' }, []],
    [
      'one differs',
      { orderState: 'Complete', shipmentState: 'Pending' },
      [{ changeOrderState: { orderState: 'Complete' } }],
    ],
    [
      'a state that was never set',
      { paymentState: 'Paid' },
      [{ changePaymentState: { paymentState: 'Paid' } }],
    ],
    [
      'all differ',
      { orderState: 'Cancelled', paymentState: 'Failed', shipmentState: 'Canceled' },
      [
        { changeOrderState: { orderState: 'Cancelled' } },
        { changePaymentState: { paymentState: 'Failed' } },
        { changeShipmentState: { shipmentState: 'Canceled' } },
      ],
    ],
  ])('%s', (_name, wanted, actions) => {
    expect(orderUpdateActions(ORDER, wanted)).toEqual(actions);
  });
});
