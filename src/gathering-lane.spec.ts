import { describe, expect, it, vi } from 'vitest';
import { GatheringLane, type GatheringLimits } from './gathering-lane.js';

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(() => setImmediate(resolve)));

function setUp(limits: Partial<GatheringLimits> = {}) {
  const deliveries: number[][] = [];
  const ends: (() => void)[] = [];
  const lane = new GatheringLane<number>(
    (items) => {
      deliveries.push([...items]);
      return new Promise((resolve) => ends.push(resolve));
    },
    { maxInFlight: 1, maxSize: () => 100, ...limits },
  );
  const add = (...items: number[]): void => items.forEach((item) => lane.add(item));
  const endNext = async (): Promise<void> => {
    ends.shift()?.();
    await turn();
  };
  return { lane, deliveries, add, endNext };
}

describe('GatheringLane', () => {
  it('delivers a lone item at the end of the turn, and those of one turn together', async () => {
    const { deliveries, add, endNext } = setUp();
    add(1);
    await turn();
    expect(deliveries).toEqual([[1]]);
    await endNext();
    add(2, 3);
    await turn();
    expect(deliveries).toEqual([[1], [2, 3]]);
  });

  it('gathers what comes while as many deliveries as allowed are under way', async () => {
    const { deliveries, add, endNext } = setUp();
    add(1);
    await turn();
    add(2);
    await turn();
    add(3);
    await turn();
    expect(deliveries).toEqual([[1]]);
    await endNext();
    expect(deliveries).toEqual([[1], [2, 3]]);
  });

  it('lets a delivery hold the more items, the more deliveries are under way', async () => {
    const { deliveries, add, endNext } = setUp({ maxInFlight: 3, maxSize: () => 6 });
    add(1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19);
    await turn();
    expect(deliveries).toEqual([
      [1, 2],
      [3, 4, 5, 6],
      [7, 8, 9, 10, 11, 12],
    ]);
    await endNext();
    expect(deliveries.slice(3)).toEqual([[13, 14, 15, 16, 17, 18]]);
    await endNext();
    expect(deliveries.slice(4)).toEqual([[19]]);
    await endNext();
    await endNext();
    add(20, 21, 22, 23, 24);
    await turn();
    expect(deliveries.slice(5)).toEqual([[20, 21, 22, 23], [24]]);
  });

  it('rounds how many items a delivery may hold, and lets it hold at least one', async () => {
    const { deliveries, add } = setUp({ maxInFlight: 5, maxSize: () => 2 });
    add(1, 2, 3, 4, 5, 6, 7, 8, 9);
    await turn();
    expect(deliveries).toEqual([[1], [2], [3], [4, 5], [6, 7]]);
  });

  it('delivers as many items as fit at once, if it may begin only one delivery at a time', async () => {
    const { deliveries, add } = setUp({ maxSize: () => 3 });
    add(1, 2, 3, 4);
    await turn();
    expect(deliveries).toEqual([[1, 2, 3]]);
  });

  it('does not wait for a delivery that hangs', async () => {
    const { deliveries, add } = setUp({ maxWaitMs: 20, maxSize: () => 2 });
    add(1);
    await turn();
    add(2, 3, 4);
    await vi.waitFor(() => expect(deliveries).toEqual([[1], [2, 3], [4]]), { timeout: 30_000 });
  });

  it('leaves out what was removed while it waited, and cannot remove what has left', async () => {
    const { lane, deliveries, add, endNext } = setUp();
    add(1);
    await turn();
    add(2, 3);
    expect([lane.remove(2), lane.remove(1)]).toEqual([true, false]);
    await endNext();
    expect(deliveries).toEqual([[1], [3]]);
  });
});
