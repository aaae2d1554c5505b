import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { RedisClient } from '../../redis/index.js';
import { sampleNotification } from '../../testing/sample-notification.js';
import { QueueUnavailableError } from '../message-queue.js';
import { Acceptance } from './acceptance.js';
import type { QueueScriptRunner } from './scripts.js';
import type { ServerHealth } from './server-health.js';

beforeEach(() => vi.useFakeTimers());
afterEach(() => vi.useRealTimers());

/** An acceptance whose scripts end when the test says so. */
function setUp() {
  const calls: { ids: (string | undefined)[]; end: (replies: unknown[]) => void }[] = [];
  const run = (
    _name: string,
    _args: object,
    _keys: object,
    items: readonly { id: string }[],
  ): Promise<unknown> => new Promise((end) => calls.push({ ids: items.map(({ id }) => id), end }));
  const acceptance = new Acceptance(
    {} as RedisClient,
    { run } as unknown as QueueScriptRunner,
    { isNearlyFull: () => Promise.resolve(false) } as ServerHealth,
    0,
    () => 'nonce',
  );
  return { calls, add: () => acceptance.add(sampleNotification(), {}) };
}

const soon = () => vi.advanceTimersByTimeAsync(1);

describe('Acceptance', () => {
  it('sends a notification that comes alone at once', async () => {
    const { calls, add } = setUp();
    const added = add();
    await soon();
    expect(calls).toHaveLength(1);
    calls[0]!.end(['accepted']);
    await expect(added).resolves.toBe('accepted');
  });

  it('sends what comes while Redis stores others together, at most 64, and answers each with its own result', async () => {
    const { calls, add } = setUp();
    const first = add();
    await soon();
    const later = Array.from({ length: 70 }, add);
    await soon();
    expect(calls).toHaveLength(1);
    calls[0]!.end(['accepted']);
    await expect(first).resolves.toBe('accepted');
    await soon();
    expect(calls.map(({ ids }) => ids.length)).toEqual([1, 64]);
    calls[1]!.end(Array.from({ length: 64 }, (_, index) => (index === 1 ? 'duplicate' : 'accepted')));
    const answers = await Promise.all(later.slice(0, 64));
    expect(answers.indexOf('duplicate')).toBe(1);
    expect(answers.lastIndexOf('duplicate')).toBe(1);
    await soon();
    expect(calls[2]!.ids).toHaveLength(6);
  });

  it('sends what has waited for a quarter of a second, although Redis has not answered', async () => {
    const { calls, add } = setUp();
    void add();
    await soon();
    void add();
    await vi.advanceTimersByTimeAsync(200);
    expect(calls).toHaveLength(1);
    await vi.advanceTimersByTimeAsync(60);
    expect(calls).toHaveLength(2);
  });

  it('refuses a notification for which Redis returns nothing', async () => {
    const { calls, add } = setUp();
    const outcome = add().catch((error: unknown) => error);
    await soon();
    calls[0]!.end([]);
    expect(await outcome).toBeInstanceOf(QueueUnavailableError);
  });
});
