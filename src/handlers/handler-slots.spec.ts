import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { HandBack } from '../delivery/index.js';
import { HandlerSlots } from './handler-slots.js';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

async function handedBack(entering: Promise<unknown>): Promise<number> {
  const error: unknown = await entering.then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  expect(error).toBeInstanceOf(HandBack);
  return (error as HandBack).delayMs;
}

describe('HandlerSlots', () => {
  it('lets as many in as there are slots, and the next when one leaves', async () => {
    const slots = new HandlerSlots(2);
    const [leave] = await Promise.all([slots.enter(), slots.enter()]);
    let entered = false;
    const third = slots.enter().then((leaveAgain) => {
      entered = true;
      return leaveAgain;
    });
    await vi.advanceTimersByTimeAsync(500);
    expect(entered).toBe(false);
    leave();
    (await third)();
    // The slot is free again, not lost and not doubled.
    await slots.enter();
    void slots.enter().catch(() => undefined);
    void slots.enter().catch(() => undefined);
    expect(await handedBack(slots.enter())).toBeGreaterThan(0);
  });

  it('hands back who waited for long, without losing the slot', async () => {
    const slots = new HandlerSlots(1);
    const leave = await slots.enter();
    const second = handedBack(slots.enter());
    await vi.advanceTimersByTimeAsync(1000);
    expect(await second).toBeGreaterThan(0);
    leave();
    expect(await slots.enter()).toBeTypeOf('function');
  });

  it('does not let more wait than can be served next, and spreads the others over time', async () => {
    const slots = new HandlerSlots(1);
    await slots.enter();
    void slots.enter().catch(() => undefined);
    const delays: number[] = [];
    for (let n = 0; n < 100; n++) delays.push(await handedBack(slots.enter()));
    expect(delays[1]).toBeGreaterThan(delays[0] ?? 0);
    expect(Math.max(...delays)).toBeLessThanOrEqual(30_002);
    expect(new Set(delays.slice(0, 20)).size).toBe(20);
  });
});
