import { describe, expect, it } from 'vitest';
import { asError } from './errors.js';
import { asJsonObject, idText, isJsonObject, isNonEmptyText } from './json.js';

describe('isJsonObject', () => {
  it.each([
    ['an object', { a: 1 }, true],
    ['an empty object', {}, true],
    ['null', null, false],
    ['a list', [{}], false],
    ['text', 'a', false],
    ['undefined', undefined, false],
  ])('judges %s', (_, value, expected) => {
    expect(isJsonObject(value)).toBe(expected);
    expect(asJsonObject(value)).toEqual(expected ? value : {});
  });
});

describe('idText', () => {
  it.each([
    ['text', '7', '7'],
    ['a number', 7, '7'],
    ['null', null, undefined],
    ['an object', {}, undefined],
  ])('reads an id from %s', (_, value, expected) => {
    expect(idText(value)).toBe(expected);
  });
});

describe('isNonEmptyText', () => {
  it('accepts only text with at least one character', () => {
    expect(['a', '', 1, undefined].map(isNonEmptyText)).toEqual([true, false, false, false]);
  });
});

describe('asError', () => {
  it('returns an Error unchanged', () => {
    const error = new TypeError('no');
    expect(asError(error)).toBe(error);
  });

  it.each([
    ['text', 'no', 'no'],
    ['undefined', undefined, 'undefined'],
    ['an object without a prototype', Object.create(null), 'a value of type object without text was thrown'],
  ])('describes %s that was thrown', (_, thrown, message) => {
    expect(asError(thrown).message).toBe(message);
  });
});
