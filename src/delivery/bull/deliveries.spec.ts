import { describe, expect, it, vi } from 'vitest';
import type { RedisClient } from '../../redis/index.js';
import { sampleNotification } from '../../testing/sample-notification.js';
import type { Delivery } from '../delivery.js';
import type { SettleResult } from '../message-queue.js';
import type { Acceptance } from './acceptance.js';
import { Deliveries } from './deliveries.js';
import type { QueueScriptRunner } from './scripts.js';

const DONE = { action: 'done', outcome: 'updated', lagMs: 0 } as const;

/** Deliveries whose scripts end when the test says so. */
function setUp() {
  const calls: { ids: unknown[]; end: (replies: unknown[]) => void; fail: (error: Error) => void }[] = [];
  const run = (
    _name: string,
    _args: object,
    _keys: object,
    items: readonly { id: unknown }[],
  ): Promise<unknown> =>
    new Promise((end, fail) => {
      calls.push({ ids: items.map(({ id }) => id), end, fail });
    });
  const deliveries = new Deliveries(
    { run } as unknown as QueueScriptRunner,
    () => ({}) as RedisClient,
    {} as Acceptance,
    { lockDurationMs: 30_000, dedupeWindowSeconds: 60 },
    'lock',
    () => 'nonce',
  );
  const settle = (id: string): Promise<SettleResult> => {
    const delivery = { id, notification: sampleNotification(), ticket: { number: 1 }, progress: {} };
    return deliveries.settle(delivery as unknown as Delivery, DONE);
  };
  const called = (count: number) => vi.waitFor(() => expect(calls).toHaveLength(count));
  return { calls, settle, called };
}

describe('Deliveries', () => {
  it('settle one that ends alone at once', async () => {
    const { calls, settle, called } = setUp();
    const settled = settle('alone');
    await called(1);
    calls[0]!.end(['settled']);
    await expect(settled).resolves.toBe('settled');
  });

  it('settle what ends while Redis settles others together, at most 32, and tell each its own result', async () => {
    const { calls, settle, called } = setUp();
    const first = settle('first');
    await called(1);
    const later = Array.from({ length: 40 }, (_, index) => settle(`later-${index}`));
    calls[0]!.end(['settled']);
    await expect(first).resolves.toBe('settled');
    await called(2);
    expect(calls[1]!.ids).toHaveLength(32);
    const failure = new Error('WRONGTYPE');
    const replies: unknown[] = Array.from({ length: 32 }, () => 'settled');
    replies[1] = 'outrun';
    replies[2] = failure;
    calls[1]!.end(replies);
    const results = await Promise.allSettled(later.slice(0, 4));
    expect(results.map((one) => (one.status === 'fulfilled' ? one.value : one.reason))).toEqual([
      'settled',
      'outrun',
      failure,
      'settled',
    ]);
    await called(3);
    expect(calls[2]!.ids).toEqual(Array.from({ length: 8 }, (_, index) => `later-${index + 32}`));
  });

  it('all stay unsettled when the script fails', async () => {
    const { calls, settle, called } = setUp();
    const both = Promise.allSettled([settle('one'), settle('two')]);
    await called(1);
    calls[0]!.fail(new Error('READONLY'));
    expect((await both).map(({ status }) => status)).toEqual(['rejected', 'rejected']);
  });
});
