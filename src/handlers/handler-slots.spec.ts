import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { HandlerSlots, type SlotAnswer } from './handler-slots.js';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

const retryInMs = (answer: SlotAnswer): number | undefined =>
  'retryInMs' in answer ? answer.retryInMs : undefined;
function release(answer: SlotAnswer): void {
  if ('release' in answer) answer.release();
}

describe('HandlerSlots', () => {
  it('gives out each slot once until it is released', () => {
    const slots = new HandlerSlots(2);
    const first = slots.tryAcquire();
    slots.tryAcquire();
    expect(retryInMs(slots.tryAcquire())).toBeGreaterThan(0);
    release(first);
    expect(retryInMs(slots.tryAcquire())).toBeUndefined();
    expect(retryInMs(slots.tryAcquire())).toBeGreaterThan(0);
  });

  it('spreads runs without a slot at the pace of the handler, within half a minute', async () => {
    const slots = new HandlerSlots(1);
    for (let n = 0; n < 20; n++) {
      const slot = slots.tryAcquire();
      await vi.advanceTimersByTimeAsync(200);
      release(slot);
    }
    slots.tryAcquire();
    const delays = Array.from({ length: 300 }, () => retryInMs(slots.tryAcquire()) ?? 0);
    // The handler takes 200 ms: the tenth comes after about ten runs.
    expect(delays[9]).toBeGreaterThan(1500);
    expect(delays[9]).toBeLessThan(3500);
    expect(new Set(delays.slice(0, 20)).size).toBe(20);
    expect(Math.max(...delays)).toBeLessThanOrEqual(30_002);
  });
});
