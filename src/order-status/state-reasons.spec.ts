import { describe, expect, it } from 'vitest';
import type { FluentOrder } from '../fluent/index.js';
import type { MappingDecision } from '../mapping/index.js';
import { stateReasons, type DecisionSource } from './state-reasons.js';

const ORDER: FluentOrder = {
  id: '1',
  ref: 'O_1',
  type: 'HD',
  status: 'PACKED',
  retailerId: '1',
  attributes: [],
};

function source(decisions: Readonly<Record<string, readonly MappingDecision[]>>): DecisionSource {
  return { mapper: 'PickupMapper', decisionsIn: (status) => decisions[status] };
}

function decision(field: MappingDecision['field'], status: string, state?: string): MappingDecision {
  return { field, status, setting: `the.${field}`, context: 'RETAILER 1', state };
}

describe('stateReasons', () => {
  it('names the entry, setting and context that decided, and the mapping that has no entry or is off', () => {
    const decisions = {
      PACKED: [decision('orderState', 'PACKED', 'Confirmed'), decision('paymentState', 'PACKED')],
    };
    expect(stateReasons(ORDER, { orderState: 'Confirmed' }, { states: {} }, source(decisions))).toEqual({
      orderState: 'PACKED = Confirmed in the.orderState (RETAILER 1)',
      paymentState: 'left alone: no entry for PACKED in the.paymentState (RETAILER 1)',
      shipmentState: 'left alone: its mapping is switched off',
    });
  });

  it('names the passed status whose entry decided', () => {
    const decisions = {
      PACKED: [decision('paymentState', 'PACKED')],
      BOOKED: [decision('orderState', 'BOOKED', 'Confirmed'), decision('paymentState', 'BOOKED', 'Paid')],
    };
    const finding = { states: { paymentState: 'Paid' }, decidedBy: { paymentState: 'BOOKED' } } as const;
    expect(stateReasons(ORDER, {}, finding, source(decisions)).paymentState).toBe(
      'passed BOOKED = Paid in the.paymentState (RETAILER 1)',
    );
  });

  it('says when the statuses before are not known', () => {
    const decisions = { PACKED: [decision('paymentState', 'PACKED')] };
    const { paymentState } = stateReasons(ORDER, {}, { states: {}, result: 'unknown' }, source(decisions));
    expect(paymentState).toMatch(/, and the statuses before are not known$/);
  });

  it('names the mapper when an override decided otherwise than the settings, or without them', () => {
    const decisions = { PACKED: [decision('orderState', 'PACKED', 'Confirmed')] };
    const mapped = { orderState: 'Complete', shipmentState: 'Shipped' } as const;
    const reasons = stateReasons(ORDER, mapped, { states: {} }, source(decisions));
    expect(reasons.orderState).toBe('PACKED = Complete by PickupMapper');
    expect(reasons.shipmentState).toBe('PACKED = Shipped by PickupMapper');
    for (const asked of [source({}), source(decisions)]) {
      expect(stateReasons(ORDER, {}, { states: {} }, asked).orderState).toBe('left alone by PickupMapper');
    }
  });

  it('is bounded, however long names are', () => {
    const status = 'S'.repeat(10_000);
    const reasons = stateReasons({ ...ORDER, status }, { orderState: 'Open' }, { states: {} }, source({}));
    expect(JSON.stringify(reasons).length).toBeLessThan(1000);
  });
});
