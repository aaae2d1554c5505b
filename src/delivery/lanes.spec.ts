import { describe, expect, it } from 'vitest';
import type { Delivery } from './delivery.js';
import { NO_SLOTS_HELD, Slots, nextLane, type HeldSlots, type Lane } from './lanes.js';

const prompt = (accountId: string): Lane => ({ accountId, background: false });
const background = (accountId: string): Lane => ({ accountId, background: true });
const held = (changes: Partial<HeldSlots>): HeldSlots => ({ ...NO_SLOTS_HELD, ...changes });

describe('the next lane', () => {
  it('is the one that was served longest ago when all hold the same', () => {
    expect(nextLane([prompt('B'), prompt('A')], NO_SLOTS_HELD, 1)).toEqual(prompt('B'));
  });

  it('is that of the account that holds the fewest slots, also when another one is before it', () => {
    const lanes = [prompt('A'), prompt('B'), prompt('C')];
    expect(nextLane(lanes, held({ byAccount: { A: 2, B: 1, C: 1 } }), 1)).toEqual(prompt('B'));
  });

  it('is nothing when nothing waits', () => {
    expect(nextLane([], NO_SLOTS_HELD, 1)).toBeUndefined();
  });

  it.each([
    [11, 5, true],
    [12, 4, false],
    [3, 1, false],
    [2, 1, true],
  ])(
    'for an account that holds %i slots while %i are free, with slots kept for others: %s',
    (slots, free, may) => {
      const lane = nextLane([prompt('A')], held({ byAccount: { A: slots }, reserves: true }), free);
      expect(lane).toEqual(may ? prompt('A') : undefined);
      expect(nextLane([prompt('A')], held({ byAccount: { A: slots } }), free)).toEqual(prompt('A'));
    },
  );

  it('is the background until it has its share, and then what somebody waits for', () => {
    const lanes = [prompt('A'), background('B')];
    expect(nextLane(lanes, held({ background: 3, backgroundShare: 4 }), 4)).toEqual(background('B'));
    expect(nextLane(lanes, held({ background: 4, backgroundShare: 4 }), 4)).toEqual(prompt('A'));
  });

  it('is the background beyond its share when nothing else waits, until too few slots would be left', () => {
    expect(nextLane([background('A')], held({ background: 11, backgroundShare: 4 }), 5)).toBeDefined();
    expect(nextLane([background('A')], held({ background: 12, backgroundShare: 4 }), 4)).toBeUndefined();
  });
});

describe('the slots of a worker', () => {
  const delivery = (accountId: string, inBackground = false): Delivery =>
    ({ notification: { accountId }, background: inBackground }) as Delivery;

  it('are counted by account, and given back', () => {
    const slots = new Slots(8, true);
    const release = slots.hold(delivery('A'));
    slots.hold(delivery('A', true));
    slots.hold(delivery('B'));
    expect(slots.free).toBe(5);
    expect(slots.held).toEqual({
      byAccount: { A: 2, B: 1 },
      background: 1,
      backgroundShare: 2,
      reserves: true,
    });
    release();
    expect(slots.free).toBe(6);
    expect(slots.held.byAccount).toEqual({ A: 1, B: 1 });
  });

  it('forget an account that holds none', () => {
    const slots = new Slots(8, true);
    slots.hold(delivery('A'))();
    expect(slots.held.byAccount).toEqual({});
  });

  it('give the background a quarter when there are four or more', () => {
    expect([4, 7, 8, 64].map((total) => new Slots(total, true).held.backgroundShare)).toEqual([1, 1, 2, 16]);
  });

  it('give the background every fourth run when there are fewer than four', () => {
    const slots = new Slots(1, false);
    const shares = Array.from({ length: 8 }, () => {
      const { backgroundShare } = slots.held;
      slots.hold(delivery('A', backgroundShare > 0))();
      return backgroundShare;
    });
    expect(shares).toEqual([0, 0, 0, 1, 0, 0, 0, 1]);
  });
});
