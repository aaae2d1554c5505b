import { describe, expect, it } from 'vitest';
import { within } from './within.js';

describe('within', () => {
  it('returns the result of a call that ends in time', async () => {
    expect(await within(10_000, async () => 'result', 'otherwise')).toBe('result');
  });

  it('returns the other value when the call fails', async () => {
    const failing = (): Promise<string> => Promise.reject(new Error('no'));
    expect(await within(10_000, failing, 'otherwise')).toBe('otherwise');
  });

  it('returns the other value when the call throws before its first await', async () => {
    const throwing = (): Promise<string> => {
      throw new Error('no');
    };
    expect(await within(10_000, throwing, 'otherwise')).toBe('otherwise');
  });

  it('returns the other value when the call does not end, and ignores its late failure', async () => {
    let fail: (error: Error) => void = () => undefined;
    const hanging = (): Promise<string> => new Promise((_, reject) => (fail = reject));
    expect(await within(10, hanging, undefined)).toBeUndefined();
    // An unhandled rejection would fail the run.
    fail(new Error('late'));
    await new Promise((resolve) => setImmediate(resolve));
  });
});
