import { describe, expect, it, vi } from 'vitest';
import { Backoff } from './backoff.js';

describe('the pauses of a back-off', () => {
  /** @returns whether a first pause of nominally 1 s would be longer than `limitMs`. */
  async function isLongerThan(limitMs: number, random: number): Promise<boolean> {
    vi.spyOn(Math, 'random').mockReturnValue(random);
    const end = new AbortController();
    const options = { baseDelayMs: 1000, maxDelayMs: 1000, giveUpAfterMs: limitMs };
    const expired = new Backoff(options, end.signal).waitOrExpire();
    end.abort(new Error('it waits'));
    return expired.catch((error: unknown) => {
      if (String(error) !== 'Error: it waits') throw error;
      return false;
    });
  }

  it.each([
    ['three quarters of its length', 0, 750],
    ['its length', 0.5, 1000],
    ['five quarters of its length', 1, 1250],
  ])('can take %s, so that callers that began together do not ask together', async (_, random, pauseMs) => {
    expect(await isLongerThan(pauseMs - 50, random)).toBe(true);
    // The limit also holds for the time before the pause.
    expect(await isLongerThan(pauseMs + 50, random)).toBe(false);
  });
});
