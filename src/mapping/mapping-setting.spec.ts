import { describe, expect, it } from 'vitest';
import type { MappingKind } from '../config/index.js';
import { ConfigurationError } from '../errors.js';
import { inspectMapping, mappedState, mappedStates } from './mapping-setting.js';

const setting = (value: unknown) => ({ name: 'the.mapping', context: 'RETAILER 1', value });

describe('mappedState', () => {
  it.each<[MappingKind, unknown, string | undefined]>([
    ['order', 'Open', 'Open'],
    ['order', 'CONFIRMED', 'Confirmed'],
    ['order', 'Cancelled', 'Cancelled'],
    ['order', 'canceled', 'Cancelled'],
    ['payment', 'pending', 'Pending'],
    ['payment', 'balancedue', 'BalanceDue'],
    ['shipping', 'shipped', 'Shipped'],
    ['shipping', 'Canceled', 'Canceled'],
    ['shipping', 'CANCELLED', 'Canceled'],
  ])('reads the %s value %j as %j', (kind, value, expected) => {
    expect(mappedState(kind, setting({ fluent: { BOOKED: value } }), 'BOOKED')).toBe(expected);
  });

  it.each(['UNKNOWN', '', 'booked', 'constructor', 'toString', '__proto__'])(
    'has no entry for the status %j',
    (status) => {
      expect(mappedState('order', setting({ fluent: { BOOKED: 'Open' } }), status)).toBeUndefined();
    },
  );

  it('finds a status with the name of an inherited property', () => {
    const value: unknown = JSON.parse('{"fluent":{"__proto__":"Open","constructor":"Complete"}}');
    expect(mappedState('order', setting(value), '__proto__')).toBe('Open');
    expect(mappedState('order', setting(value), 'constructor')).toBe('Complete');
  });

  it.each([['Paid'], [''], [null], [7], [{}], ['constructor']])(
    'refuses the value %j, and names the setting, context, status, value and allowed states',
    (value) => {
      expect(() => mappedState('order', setting({ fluent: { BOOKED: value } }), 'BOOKED')).toThrow(
        new ConfigurationError(
          `setting the.mapping (RETAILER 1) maps the status BOOKED to ${JSON.stringify(value)}, ` +
            'which is not a valid order state; allowed are Open, Confirmed, Complete, Cancelled',
        ),
      );
    },
  );

  it('ignores an invalid entry of another status', () => {
    expect(mappedState('order', setting({ fluent: { A: 'Wrong', B: 'Open' } }), 'B')).toBe('Open');
  });

  it.each([
    ['{not json'],
    [null],
    [undefined],
    [[]],
    [{}],
    [{ fluent: 'Open' }],
    [{ fluent: null }],
    [{ fluent: ['Open'] }],
    [{ Fluent: {} }],
    [JSON.parse('{"__proto__":{"fluent":{"BOOKED":"Open"}}}')],
  ])('refuses %j, which is not a mapping', (value) => {
    expect(() => mappedState('payment', setting(value), 'BOOKED')).toThrow(
      'setting the.mapping (RETAILER 1) is not a valid payment status mapping: ' +
        'it must hold JSON of the form {"fluent":{"<FLUENT STATUS>":"<commercetools state>"}}',
    );
  });
});

describe('mappedStates', () => {
  it('gives every entry that can be used, and leaves the others out', () => {
    const states = mappedStates('payment', setting({ fluent: { BOOKED: 'paid', A: 'payd', B: 7 } }));
    expect([...states]).toEqual([['BOOKED', 'Paid']]);
  });
});

describe('inspectMapping', () => {
  it('finds the valid entries and each wrong one', () => {
    const value = { fluent: { BOOKED: 'confirmed', LOST: 'Gone', RETURNED: 7, DONE: 'Complete' } };
    const { states, problems } = inspectMapping('order', setting(value));
    expect([...states]).toEqual([
      ['BOOKED', 'Confirmed'],
      ['DONE', 'Complete'],
    ]);
    expect(problems).toEqual([
      expect.stringContaining('maps the status LOST to "Gone"'),
      expect.stringContaining('maps the status RETURNED to 7'),
    ]);
  });

  it('says that a setting holds no mapping', () => {
    const { states, problems } = inspectMapping('payment', setting({ fluent: [] }));
    expect(states.size).toBe(0);
    expect(problems).toEqual([expect.stringContaining('is not a valid payment status mapping')]);
  });
});
