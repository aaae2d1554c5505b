import { describe, expect, it } from 'vitest';
import { WITHHELD, redactVariables } from './redact-variables.js';

describe('redactVariables', () => {
  it.each<[string, unknown, string, string]>([
    [
      'a text',
      { input: { lastName: 'Doeling' } },
      'no such customer: Doeling',
      'no such customer: [redacted]',
    ],
    ['a text in another case', { lastName: 'Doeling' }, 'DOELING', '[redacted]'],
    ['a number', { phone: 491_705_550_199 }, 'taken: 491705550199', 'taken: [redacted]'],
    ['JSON within JSON', { value: '{"note":"ring twice"}' }, 'what is ring twice?', 'what is [redacted]?'],
    ['an encoded text', { note: 'ring twice' }, 'at /x?note=ring%20twice', 'at /x?note=[redacted]'],
    ['a text that is cut off', { token: 'abcdefghijklmnopqrstuvwxyz' }, 'abcdefghijklmnopqrs', '[redacted]'],
    ['the name of a person', { customer: { name: 'Jo Doe' } }, 'Jo Doe is taken', '[redacted] is taken'],
    ['text in a list', { lines: [['Elm Street 5']] }, 'where is Elm Street 5', 'where is [redacted]'],
  ])('redacts %s', (_, sent, text, shown) => {
    expect(redactVariables(text, sent)).toBe(shown);
  });

  it.each<[string, unknown, string]>([
    ['ids and refs', { id: '1021', ref: 'HD_7', orderNumber: 'O_7' }, 'order 1021 (HD_7, O_7) is locked'],
    ['the key of a type', { type: { typeId: 'type', key: 'fluent-gift' } }, "there is no type 'fluent-gift'"],
    [
      'the name of a custom field',
      { setCustomField: { name: 'gift', value: 'x' } },
      'there is no field gift',
    ],
    ['states', { changeOrderState: { orderState: 'Confirmed' } }, 'no transition to Confirmed'],
    ['an event', { name: 'OrderCancel', entityType: 'ORDER' }, 'no ruleset for OrderCancel of ORDER'],
    ['lists of names', { names: ['fc.connect.a'], first: 500 }, 'setting fc.connect.a: 500'],
    ['nothing', undefined, 'the text stays'],
  ])('shows %s', (_, sent, text) => {
    expect(redactVariables(text, sent)).toBe(text);
  });

  it('withholds the text when there is too much to look for', () => {
    const entities = Array.from({ length: 600 }, (_, index) => ({ note: `note ${index}` }));
    expect(redactVariables('note 599', { entities })).toBe(WITHHELD);
    expect(redactVariables('a secret', { note: 'x'.repeat(60_000) })).toBe(WITHHELD);
  });
});
