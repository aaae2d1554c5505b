import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { MemoryReconciliationState } from './memory-reconciliation-state.js';

const INTERVAL_MS = 300_000;

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['Date', 'performance'] });
});
afterEach(() => {
  vi.useRealTimers();
});

it('lets reconciliation look at once, and then again after the interval', async () => {
  const state = new MemoryReconciliationState();
  const look = vi.fn<() => Promise<void>>(() => Promise.resolve());
  expect(await state.takeTurn(INTERVAL_MS, look)).toBe(true);
  vi.advanceTimersByTime(INTERVAL_MS - 1);
  expect(await state.takeTurn(INTERVAL_MS, look)).toBe(false);
  vi.advanceTimersByTime(1);
  expect(await state.takeTurn(INTERVAL_MS, look)).toBe(true);
  expect(look).toHaveBeenCalledTimes(2);
});

it('lets reconciliation look again at once after a look that failed', async () => {
  const state = new MemoryReconciliationState();
  const failing = state.takeTurn(INTERVAL_MS, () => Promise.reject(new Error('Fluent is away')));
  await expect(failing).rejects.toThrow('Fluent is away');
  expect(await state.takeTurn(INTERVAL_MS, () => Promise.resolve())).toBe(true);
});

it('remembers the watermark of each account', async () => {
  const state = new MemoryReconciliationState();
  const watermark = { seenUntil: new Date(1000), reachedAt: new Date(2000) };
  await state.setWatermark('ACME', watermark);
  expect(await state.watermark('ACME')).toEqual(watermark);
  expect(await state.watermark('OTHER')).toBeUndefined();
});

it('counts the age of a search from its beginning, or from the first question', async () => {
  const state = new MemoryReconciliationState();
  await state.setLookedAt('ACME', new Date());
  vi.advanceTimersByTime(5000);
  expect(await state.agesMs(['ACME', 'OTHER'])).toEqual(
    new Map([
      ['ACME', 5000],
      ['OTHER', 0],
    ]),
  );
  vi.advanceTimersByTime(1000);
  expect((await state.agesMs(['OTHER'])).get('OTHER')).toBe(1000);
});
