import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { KeyedMutex } from './keyed-mutex.js';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

describe('KeyedMutex', () => {
  it('lets one holder of a key in at a time, and other keys beside it', async () => {
    const mutex = new KeyedMutex();
    const first = await mutex.acquire('a', 1000);
    expect(first).toMatchObject({ hasWaited: false });
    expect(await mutex.acquire('b', 1000)).toMatchObject({ hasWaited: false });
    let second: unknown;
    void mutex.acquire('a', 1000).then((hold) => (second = hold));
    await vi.advanceTimersByTimeAsync(999);
    expect(second).toBeUndefined();
    first?.release();
    await vi.advanceTimersByTimeAsync(0);
    expect(second).toMatchObject({ hasWaited: true });
  });

  it('lets only one wait', async () => {
    const mutex = new KeyedMutex();
    await mutex.acquire('a', 1000);
    void mutex.acquire('a', 1000);
    expect(await mutex.acquire('a', 1000)).toBeUndefined();
  });

  it('gives up after the time, and the key stays usable', async () => {
    const mutex = new KeyedMutex();
    const first = await mutex.acquire('a', 1000);
    const second = mutex.acquire('a', 1000);
    await vi.advanceTimersByTimeAsync(1000);
    expect(await second).toBeUndefined();
    first?.release();
    expect(await mutex.acquire('a', 1000)).toMatchObject({ hasWaited: false });
    expect(vi.getTimerCount()).toBe(0);
  });

  it('passes the key on from waiter to waiter', async () => {
    const mutex = new KeyedMutex();
    let hold = await mutex.acquire('a', 1000);
    for (let n = 0; n < 3; n++) {
      const next = mutex.acquire('a', 1000);
      hold?.release();
      hold = await next;
      expect(hold).toMatchObject({ hasWaited: true });
    }
    hold?.release();
    expect(await mutex.acquire('a', 1000)).toMatchObject({ hasWaited: false });
  });
});
