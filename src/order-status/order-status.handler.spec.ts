import { describe, expect, it } from 'vitest';
import { outcomeDetails } from './order-status.handler.js';

const before = { orderState: 'Open', paymentState: 'Paid' } as const;

describe('outcomeDetails', () => {
  it('names the Fluent status, and each state as it was and has become', () => {
    expect(
      outcomeDetails({
        outcome: 'updated',
        status: 'BOOKED',
        before,
        states: { orderState: 'Confirmed', paymentState: 'Paid', shipmentState: 'Pending' },
        skipped: { states: {} },
      }),
    ).toEqual({
      fluentStatus: 'BOOKED',
      states: { orderState: 'Open -> Confirmed', paymentState: 'Paid', shipmentState: 'unset -> Pending' },
    });
  });

  it('names where a status could get an entry when no mapping has one', () => {
    expect(
      outcomeDetails({
        outcome: 'unmapped',
        status: 'ON_HOLD',
        before,
        states: {},
        skipped: { states: {}, result: 'nothing_skipped', sources: ['the.mapping (RETAILER 1)'] },
      }),
    ).toEqual({
      fluentStatus: 'ON_HOLD',
      states: { orderState: 'Open', paymentState: 'Paid', shipmentState: 'unset' },
      mappings: ['the.mapping (RETAILER 1)'],
      skippedStatuses: 'nothing_skipped',
    });
  });

  it('says which state may have stayed behind, and why', () => {
    const { skippedStatuses, doubt } = outcomeDetails({
      outcome: 'unchanged',
      status: 'PICK_PACK',
      before,
      states: {},
      skipped: { states: {}, result: 'unknown', doubt: 'a state may have stayed behind' },
    });
    expect([skippedStatuses, doubt]).toEqual(['unknown', 'a state may have stayed behind']);
  });
});
