import { inspect } from 'node:util';
import { gql } from '@apollo/client';
import { describe, expect, it } from 'vitest';
import type { OrderFragmentSource } from '../graphql/index.js';
import { orderViewFor } from './asked-fields.js';
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

const ORDER = {
  fluentOrder: { id: '1', fields: FIELDS },
  commercetoolsOrder: { id: 'c', fields: { custom: { fields: [[{ key: 'gift' }], 'text', null] } } },
  scope: 'the scope',
} as unknown as HookedOrder;

function seen(options: OrderStatusHookOptions, fluent: unknown = FIELDS): Fields {
  const order = { ...ORDER, fluentOrder: { ...ORDER.fluentOrder, fields: fluent } };
  return orderViewFor('GiftHook', options)(order).fluentOrder.fields;
}

describe.each<[string, OrderFragmentSource]>([
  ['a text', FRAGMENT],
  ['a document', gql(FRAGMENT)],
])('the fields of a hook whose fragment is %s', (_, fluentFields) => {
  it('are readable as they came', () => {
    const fields = seen({ fluentFields });
    expect(fields.note).toBeNull();
    expect(fields.attributes[0].value.any).toBe('json');
    expect(fields.customer.vatId).toBe('DE1');
    expect({ ...fields }).toEqual(FIELDS);
  });

  it('are undefined where another type of object has them', () => {
    expect(seen({ fluentFields }).customer.email).toBeUndefined();
  });

  it('cannot be read under a name that the fragment does not ask for, at any depth', () => {
    const fields = seen({ fluentFields });
    expect(() => fields.giftNote).toThrow(
      expect.objectContaining({
        name: 'ConfigurationError',
        code: 'UnknownField',
        message:
          'hook GiftHook reads fluentOrder.fields.giftNote, but its fluentFields do not ask for it ' +
          '(they ask for note, attributes, customer there); correct the name, or add the field to the fragment',
      }),
    );
    expect(() => fields.attributes[0].nmae).toThrow(
      'fields.attributes.nmae, but its fluentFields do not ask for it (they ask for name, value, type there)',
    );
    expect(() => fields.customer.name).toThrow(
      'fields.customer.name, but its fluentFields do not ask for it (they ask for email, vatId there)',
    );
  });

  it('leave what a JSON value contains alone', () => {
    expect(seen({ fluentFields }).attributes[0].value.other).toBeUndefined();
  });

  it('can be copied, printed, compared and awaited', async () => {
    const fields = seen({ fluentFields });
    expect(structuredClone(fields)).toEqual(FIELDS);
    expect(JSON.parse(JSON.stringify(fields))).toEqual(FIELDS);
    expect(inspect(fields)).toContain("name: 'gift'");
    expect(String(fields)).toBe('[object Object]');
    expect(await fields).toEqual(FIELDS);
    expect('giftNote' in fields).toBe(false);
  });
});

it('checks the fields of commercetools as well, also in lists of lists', () => {
  const commercetoolsFields = 'fragment Gift on Order { custom { fields { key } } }';
  const view = orderViewFor('GiftHook', { commercetoolsFields });
  const { fluentOrder, commercetoolsOrder, scope } = view(ORDER);
  expect(commercetoolsOrder).toEqual(ORDER.commercetoolsOrder);
  const [[inner]] = (commercetoolsOrder.fields as Fields).custom.fields;
  expect(() => inner.value).toThrow(
    'hook GiftHook reads commercetoolsOrder.fields.custom.fields.value, but its commercetoolsFields do not ask for it',
  );
  // Nothing was asked of Fluent.
  expect(fluentOrder).toBe(ORDER.fluentOrder);
  expect(scope).toBe('the scope');
});

it('lets a hook read what other hooks have asked for', () => {
  const fields = seen({ fluentFields: 'fragment Own on Order { own }' }, { own: 1, others: 2 });
  expect(fields.others).toBe(2);
});
