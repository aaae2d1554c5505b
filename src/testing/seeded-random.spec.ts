import { describe, expect, it } from 'vitest';
import { SeededRandom } from './seeded-random.js';

const draw = (random: SeededRandom, count: number): number[] =>
  Array.from({ length: count }, () => random.next());

describe('SeededRandom', () => {
  it('repeats itself with the same seed and not with another', () => {
    expect(draw(new SeededRandom(7), 5)).toEqual(draw(new SeededRandom(7), 5));
    expect(draw(new SeededRandom(7), 5)).not.toEqual(draw(new SeededRandom(8), 5));
  });

  it('spreads evenly from 0 to below 1', () => {
    const drawn = draw(new SeededRandom(), 10_000);
    expect(Math.min(...drawn)).toBeGreaterThanOrEqual(0);
    expect(Math.max(...drawn)).toBeLessThan(1);
    expect(drawn.reduce((sum, value) => sum + value) / drawn.length).toBeCloseTo(0.5, 1);
  });

  it('is exact at the ends of a chance, and includes both ends of a range', () => {
    const random = new SeededRandom(3);
    const times = Array.from({ length: 1000 });
    expect(times.some(() => random.chance(0))).toBe(false);
    expect(times.every(() => random.chance(1))).toBe(true);
    expect(new Set(times.map(() => random.integer(1, 3)))).toEqual(new Set([1, 2, 3]));
  });

  it('refuses to pick from nothing', () => {
    expect(() => new SeededRandom().pick([])).toThrow(RangeError);
    expect(new SeededRandom().pick(['only'])).toBe('only');
  });
});
