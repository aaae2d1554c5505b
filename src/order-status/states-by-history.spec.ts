import { describe, expect, it } from 'vitest';
import { mayBeBehind, stateByHistory, type StateField } from './states-by-history.js';

type Current = string | null | undefined;

describe('stateByHistory', () => {
  it.each<[string, StateField, Current, readonly string[], string | undefined]>([
    ['keeps the state when no passed status has an entry', 'paymentState', 'Pending', [], undefined],
    ['sets what was never set', 'paymentState', undefined, ['Pending', 'Paid'], 'Paid'],
    ['sets what commercetools gives as null', 'paymentState', null, ['Paid'], 'Paid'],
    ['replaces what an earlier status gave', 'paymentState', 'Pending', ['Pending', 'Paid'], 'Paid'],
    ['leaves what the newest status gave', 'paymentState', 'Paid', ['Pending', 'Paid'], undefined],
    ['goes back with the order', 'paymentState', 'Paid', ['Pending', 'Paid', 'Pending'], 'Pending'],
    ['keeps a state that another client wrote', 'paymentState', 'CreditOwed', ['Pending', 'Paid'], undefined],
    ['takes Open as unset', 'orderState', 'Open', ['Confirmed'], 'Confirmed'],
    ['takes only the order state Open as unset', 'shipmentState', 'Open', ['Shipped'], undefined],
    ['keeps an order state that another client wrote', 'orderState', 'Cancelled', ['Confirmed'], undefined],
    ['takes an order back to Open', 'orderState', 'Confirmed', ['Confirmed', 'Open'], 'Open'],
  ])('%s', (_, field, current, given, expected) => {
    expect(stateByHistory(field, current, given)).toBe(expected);
  });
});

describe('mayBeBehind', () => {
  it.each<[string, StateField, Current, readonly string[] | undefined, boolean]>([
    ['is true when the mapping is not known', 'paymentState', 'CreditOwed', undefined, true],
    ['is false when the mapping gives nothing', 'paymentState', undefined, [], false],
    ['is true for an unset state', 'paymentState', undefined, ['Paid'], true],
    ['is true for one of several states of the mapping', 'paymentState', 'Paid', ['Pending', 'Paid'], true],
    ['is false for the only state of the mapping', 'paymentState', 'Paid', ['Paid'], false],
    ['is false for the state of another client', 'paymentState', 'CreditOwed', ['Pending', 'Paid'], false],
    ['is true for Open, with which every order starts', 'orderState', 'Open', ['Confirmed'], true],
    ['is false for Open when the mapping gives nothing else', 'orderState', 'Open', ['Open'], false],
  ])('%s', (_, field, current, possible, expected) => {
    expect(mayBeBehind(field, current, possible && new Set(possible))).toBe(expected);
  });
});
