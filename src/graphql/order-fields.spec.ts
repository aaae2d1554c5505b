import { parse, print } from 'graphql';
import { describe, expect, it } from 'vitest';
import { ConfigurationError } from '../errors.js';
import { combineOrderFragments, withOrderFields } from './order-fields.js';

const QUERY = parse('query OrderById($id: ID!) { orderById(id: $id) { id attributes { name } } }');
const custom = {
  owner: 'Custom',
  source: 'fragment F on Order { custom { ...More } } fragment More on Custom { key }',
};
const parcels = { owner: 'Parcels', source: 'fragment F on Order { parcels(first: 5) { ref } }' };

describe('combineOrderFragments', () => {
  it('gives one fragment for several, whose names do not meet', () => {
    const fields = combineOrderFragments([custom, parcels], QUERY);
    expect(print(withOrderFields(QUERY, fields))).toBe(
      print(
        parse(`
          query OrderById($id: ID!) { orderById(id: $id) { id attributes { name } ...OrderFields } }
          fragment OrderFields on Order { ...Custom_F ...Parcels_F }
          fragment Custom_F on Order { custom { ...Custom_More } }
          fragment Custom_More on Custom { key }
          fragment Parcels_F on Order { parcels(first: 5) { ref } }
        `),
      ),
    );
  });

  it('adds nothing when there is nothing', () => {
    expect(combineOrderFragments([], QUERY)).toBeUndefined();
    expect(withOrderFields(QUERY)).toBe(QUERY);
  });

  it('extends a query once', () => {
    const fields = combineOrderFragments([custom], QUERY);
    expect(withOrderFields(QUERY, fields)).toBe(withOrderFields(QUERY, fields));
  });

  it.each([
    ['is not GraphQL', 'fragment F on Order {', /Syntax Error/],
    ['is not a fragment', '{ order { id } }', /must be a fragment on Order/],
    ['is on another type', 'fragment F on Customer { id }', /must be a fragment on Order/],
    [
      'brings a query along',
      'fragment F on Order { id } query { order { id } }',
      /must be a fragment on Order/,
    ],
    ['is empty', '', /Syntax Error/],
    ['uses a fragment that is not there', 'fragment F on Order { ...G }', /Unknown fragment "Odd_G"/],
    ['uses itself', 'fragment F on Order { a { ...F } }', /Cannot spread fragment "Odd_F" within itself/],
    [
      'contains an unused fragment',
      'fragment F on Order { id } fragment G on X { id }',
      /"Odd_G" is never used/,
    ],
    [
      'needs a variable',
      'fragment F on Order { parcels(first: $n) { ref } }',
      /Variable "\$n" is not defined/,
    ],
    ['gives a known field another meaning', 'fragment F on Order { id: status }', /"id" conflict/],
    [
      'reads a known field in another way',
      'fragment F on Order { attributes(name: "a") { name } }',
      /"attributes" conflict/,
    ],
  ])('refuses one that %s, and names the owner', (_, text, problem) => {
    const combine = () => combineOrderFragments([{ owner: 'Odd', source: text }], QUERY);
    expect(combine).toThrow(ConfigurationError);
    expect(combine).toThrow(problem);
    expect(combine).toThrow(/fragment of Odd cannot be used/);
  });

  it('refuses two that contradict each other, and names both', () => {
    const more = { owner: 'MoreParcels', source: 'fragment F on Order { parcels(first: 50) { ref } }' };
    expect(() => combineOrderFragments([parcels, more], QUERY)).toThrow(
      /fragment of Parcels and MoreParcels cannot be used: .*"parcels" conflict/,
    );
  });

  it('refuses a query that does not read one order alone', () => {
    const fields = combineOrderFragments([custom], QUERY);
    expect(() => withOrderFields(parse('query Two { a: order { id } b: order { id } }'), fields)).toThrow(
      /the query Two does not have an order as its only field/,
    );
  });
});
