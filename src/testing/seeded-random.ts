/** A repeatable source of randomness: the same seed gives the same sequence on every machine. */
export class SeededRandom {
  #state: number;

  /** @param seed any integer, of which the lowest 32 bits count. */
  constructor(readonly seed: number = 1) {
    this.#state = seed >>> 0;
  }

  /** @returns a number from 0 up to, not including, 1 (mulberry32). */
  next(): number {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0;
    let mixed = this.#state;
    mixed = Math.imul(mixed ^ (mixed >>> 15), mixed | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  }

  /** @returns true with that probability, from 0 to 1; 0 and 1 are exact. */
  chance(probability: number): boolean {
    return this.next() < probability;
  }

  /** @returns an integer from `min` to `max`, both included. */
  integer(min: number, max: number): number {
    return min + Math.floor(this.next() * (max - min + 1));
  }

  /** @throws RangeError when there is nothing to pick from. */
  pick<T>(items: readonly T[]): T {
    if (items.length === 0) throw new RangeError('cannot pick from an empty list');
    return items[this.integer(0, items.length - 1)] as T;
  }
}
