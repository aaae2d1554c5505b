import { array, assert, constantFrom, property } from 'fast-check';
import { describe, expect, it } from 'vitest';
import { NamePattern } from './name-pattern.js';

describe('NamePattern', () => {
  it.each([
    ['fc.connect.*', 'fc.connect.order.shipped', true],
    ['fc.connect.*', 'fc.connect.', true],
    ['fc.connect.*', 'fcXconnect.order', false],
    ['fc.connect.*', 'my.fc.connect.order', false],
    ['*.shipped', 'order.shipped', true],
    ['*.shipped', 'order.shipped.late', false],
    ['a*b*c', 'a-b-b-c', true],
    ['a**', 'a', true],
    ['[a]*', '[a]x', true],
    ['*', 'line\nbreak', true],
  ])('%s and %s: %s', (pattern, name, expected) => {
    expect(new NamePattern(pattern).matches(name)).toBe(expected);
  });

  it.each([
    ['a.*', 'b.*', false],
    ['a.*', 'a.b.*', true],
    ['*.a', 'b.*', true],
    ['a*c', 'ab*', true],
    ['*a', '*b', false],
    ['a*b', 'b*a', false],
    ['*', 'x*', true],
  ])('%s overlaps %s: %s', (one, other, expected) => {
    expect(new NamePattern(one).overlaps(new NamePattern(other))).toBe(expected);
    expect(new NamePattern(other).overlaps(new NamePattern(one))).toBe(expected);
  });

  it('overlaps whenever some name matches both', () => {
    const text = (alphabet: string[]) =>
      array(constantFrom(...alphabet), { maxLength: 5 }).map((characters) => characters.join(''));
    assert(
      property(text(['a', 'b', '*']), text(['a', 'b', '*']), text(['a', 'b']), (one, other, name) => {
        const [first, second] = [new NamePattern(one), new NamePattern(other)];
        expect(first.overlaps(second)).toBe(second.overlaps(first));
        const isInBoth = first.matches(name) && second.matches(name);
        expect(!isInBoth || first.overlaps(second)).toBe(true);
      }),
      { numRuns: 3000 },
    );
  });
});
