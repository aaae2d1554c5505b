import { inspect } from 'node:util';
import { gql } from '@apollo/client';
import { describe, expect, it } from 'vitest';
import { ConfigurationError } from '../errors.js';
import type { OrderFragmentSource } from '../graphql/index.js';
import { orderSeenBy } from './asked-fields.js';
import type { HookedOrder, OrderStatusHookOptions } from './order-status-hook.js';

const FRAGMENT = `
  fragment Gift on Order {
    note: giftNote
    attributes { name value }
    customer { ... on Person { email } ...Company }
    attributes { type }
  }
  fragment Company on Firm { vatId }
`;
const FIELDS = {
  note: null,
  attributes: [{ name: 'gift', value: { any: 'json' }, type: 'JSON' }],
  customer: { vatId: 'DE1' },
};

// oxlint-disable-next-line typescript/no-explicit-any -- the fields are what a partner declares
type Fields = any;

function seen(options: OrderStatusHookOptions, fluent: unknown = FIELDS): Fields {
  const hook = { instance: {}, name: 'GiftHook', isRequired: true, options };
  const order = { fluentOrder: { id: '1', fields: fluent }, commercetoolsOrder: { id: 'c', fields: {} } };
  return orderSeenBy(hook, order as unknown as HookedOrder).fluentOrder.fields;
}

describe.each<[string, OrderFragmentSource]>([
  ['a text', FRAGMENT],
  ['a document', gql(FRAGMENT)],
])('the fields of a hook whose fragment is %s', (_, fluentFields) => {
  const fields = seen({ fluentFields });

  it('are readable as they came', () => {
    expect(fields.note).toBeNull();
    expect(fields.attributes[0].value.any).toBe('json');
    expect(fields.customer.vatId).toBe('DE1');
    expect({ ...fields }).toEqual(FIELDS);
  });

  it('are undefined where another type of object has them', () => {
    expect(fields.customer.email).toBeUndefined();
  });

  it('cannot be read under a name that the fragment does not ask for, at any depth', () => {
    expect(() => fields.giftNote).toThrow(ConfigurationError);
    expect(() => fields.giftNote).toThrow(
      'hook GiftHook reads fluentOrder.fields.giftNote, but its fluentFields do not ask for it ' +
        '(they ask for note, attributes, customer there); correct the name, or add the field to the fragment',
    );
    expect(() => fields.attributes[0].nmae).toThrow(
      'fields.attributes.nmae, but its fluentFields do not ask for it (they ask for name, value, type there)',
    );
    expect(() => fields.customer.name).toThrow('fields.customer.name');
  });

  it('leave what a JSON value contains alone', () => {
    expect(fields.attributes[0].value.other).toBeUndefined();
  });

  it('can be copied, printed, compared and awaited', async () => {
    expect(structuredClone(fields)).toEqual(FIELDS);
    expect(JSON.parse(JSON.stringify(fields))).toEqual(FIELDS);
    expect(inspect(fields)).toContain("name: 'gift'");
    expect(String(fields)).toBe('[object Object]');
    expect(await fields).toEqual(FIELDS);
    expect('giftNote' in fields).toBe(false);
  });
});

it('lets a hook read what other hooks have asked for', () => {
  const fields = seen({ fluentFields: 'fragment Own on Order { own }' }, { own: 1, others: 2 });
  expect(fields.others).toBe(2);
});
