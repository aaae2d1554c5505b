import * as fc from 'fast-check';
import { type DocumentNode, buildSchema, execute, parse, print, validate } from 'graphql';
import { describe, expect, it } from 'vitest';
import {
  type LocatedError,
  canMerge,
  estimatedComplexity,
  isLocated,
  mergedDocument,
  mergedVariables,
  splitAnswer,
  textOf,
} from './merged-operations.js';

const SCHEMA = buildSchema(`
  type Query { thing(id: ID, size: Int): Thing, other(id: ID): Thing }
  type Mutation { change(id: ID!, to: [String!]): Thing }
  type Thing { id: ID, name(length: Int): String, part: Thing }
`);

/** Things whose id begins with an x cannot be read. */
const thing = ({ id }: { id: string }): object => {
  if (id.startsWith('x')) throw new Error(`no ${id}`);
  return {
    id,
    name: ({ length = 9 }) => `name of ${id}`.slice(0, length),
    part: () => thing({ id: `${id}p` }),
  };
};
const ROOT = { thing, other: thing, change: thing };

const DOCUMENTS = [
  'query One($id: ID) { thing(id: $id) { id name } }',
  'query Two($id: ID, $n: Int = 3) { first: thing(id: $id) { name(length: $n) } other(id: $id) { id } }',
  'query Deep($id: ID, $deep: Boolean!) { thing(id: $id) { part @include(if: $deep) { id ...Names } } } fragment Names on Thing { name again: name(length: 1) }',
  'mutation Write($id: ID!, $to: [String!]) { search: change(id: $id, to: $to) { id } }',
].map((text) => parse(text));

function answer(document: DocumentNode, variableValues: Record<string, unknown>) {
  expect(validate(SCHEMA, document)).toEqual([]);
  const result = execute({ schema: SCHEMA, document, rootValue: ROOT, variableValues });
  return JSON.parse(JSON.stringify(result)) as { data?: Record<string, unknown>; errors?: LocatedError[] };
}

const withoutLocation = (errors: readonly LocatedError[] = []): unknown[] =>
  errors.map(({ message, path }) => [message, path?.slice(1)]);

describe('operations of one document', () => {
  it.each(DOCUMENTS)('are sent as text that means the same, without white space', (document) => {
    for (const count of [2, 5, 3]) {
      const merged = mergedDocument(document, count);
      const text = textOf(merged);
      expect(print(parse(text))).toBe(print(merged));
      expect(text).not.toMatch(/\n| {2}/);
    }
    expect(textOf(document)).toBe(print(document));
  });

  it('get in one request what each would get alone', { timeout: 60_000 }, () => {
    const variables = fc.record({
      id: fc.stringMatching(/^[a-cx]{1,3}$/),
      n: fc.integer({ min: 1, max: 9 }),
      deep: fc.boolean(),
      to: fc.array(fc.string()),
    });
    const several = fc.array(variables, { minLength: 1, maxLength: 12 });
    fc.assert(
      fc.property(fc.constantFrom(...DOCUMENTS), several, (document, all) => {
        const { data, errors = [] } = answer(mergedDocument(document, all.length), mergedVariables(all));
        const parts = splitAnswer(document, { data, errors }, all.length);
        for (const [index, own] of all.entries()) {
          const alone = answer(document, own);
          expect(parts[index]!.data).toEqual(alone.data);
          expect(withoutLocation(parts[index]!.errors)).toEqual(withoutLocation(alone.errors));
        }
      }),
      { numRuns: 60 },
    );
  });

  it('share what has no variable, and keep the name of the operation', () => {
    expect(print(mergedDocument(DOCUMENTS[2]!, 2))).toBe(
      print(
        parse(`query Deep($b0_id: ID, $b0_deep: Boolean!, $b1_id: ID, $b1_deep: Boolean!) {
          b0_thing: thing(id: $b0_id) { part @include(if: $b0_deep) { id ...Names } }
          b1_thing: thing(id: $b1_id) { part @include(if: $b1_deep) { id ...Names } }
        } fragment Names on Thing { name again: name(length: 1) }`),
      ),
    );
  });

  it('have no data when one of their fields is missing, and all errors that name no operation', () => {
    const shared = { message: 'for all' };
    const own = { message: 'for the second', path: ['b1_other', 'id'] };
    const data = { b0_first: {}, b0_other: null, b1_first: {} };
    expect(splitAnswer(DOCUMENTS[1]!, { data, errors: [shared, own] }, 2)).toEqual([
      { data: { first: {}, other: null }, errors: [shared] },
      { errors: [own, shared] },
    ]);
    expect([isLocated(own), isLocated(shared), isLocated({ path: ['thing'] })]).toEqual([true, false, false]);
  });

  it.each([
    ['a fragment at the root', 'query Q { ...F } fragment F on Query { thing { id } }'],
    ['a directive of the operation', 'query Q @cached { thing { id } }'],
    [
      'a variable in a fragment',
      'query Q($n: Int) { thing { ...F } } fragment F on Thing { name(length: $n) }',
    ],
    ['two operations', 'query Q { thing { id } } query R { thing { id } }'],
    ['a subscription', 'subscription S { thing { id } }'],
    ['nothing but fragments', 'fragment F on Thing { id }'],
  ])('are not merged when the document has %s', (_, text) => {
    expect(canMerge(parse(text))).toBe(false);
  });

  it('are merged otherwise', () => {
    expect(DOCUMENTS.map(canMerge)).toEqual([true, true, true, true]);
  });

  it.each([
    ['{ thing { id name } }', 3],
    ['query Q($n: Int) { things(first: $n) { edges { node { id } } } }', 1 + 500 * 3],
    ['{ things(first: 20) { edges { node { id parts(limit: 5) { id } } } } }', 1 + 20 * (3 + 1 + 5)],
    ['{ orders { results { ...F } } } fragment F on Order { id ... on Order { state } }', 1 + 100 * 3],
  ])('are estimated to cost: %s', (text, complexity) => {
    expect(estimatedComplexity(parse(text))).toBe(complexity);
  });
});
