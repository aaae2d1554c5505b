import { getEventListeners } from 'node:events';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { messageQueueSuite } from '../../testing/message-queue-suite.js';
import { sampleNotification } from '../../testing/sample-notification.js';
import type { Settlement } from '../decide.js';
import type { Delivery } from '../delivery.js';
import { MemoryMessageQueue } from './memory-message-queue.js';

const KEY = { coalesceKey: 'order-1' } as const;
const NEVER = new AbortController().signal;

describe('MemoryMessageQueue', () => {
  const suite = messageQueueSuite({ create: async () => new MemoryMessageQueue() });

  it.each(suite.map(({ name, run }) => [name, run] as const))('%s', async (_, run) => {
    await expect(run()).resolves.toBeUndefined();
  });

  it('warns that it forgets', async () => {
    const { warnings } = await new MemoryMessageQueue().health();
    expect(warnings).toEqual([expect.stringContaining('a restart loses them')]);
  });
});

describe('a queue in memory', () => {
  let queue: MemoryMessageQueue;

  beforeEach(() => {
    vi.useFakeTimers({ toFake: ['Date', 'setTimeout', 'clearTimeout', 'performance'] });
    queue = new MemoryMessageQueue();
  });
  afterEach(() => {
    // First, or a spy would put the fake timer that it watched back later.
    vi.restoreAllMocks();
    vi.useRealTimers();
  });

  /** Adds notifications and takes them all. */
  async function taken(count: number, options = {}, id = 'n'): Promise<Delivery[]> {
    for (let n = 1; n <= count; n++) await queue.add(sampleNotification({ id: `${id}-${n}` }), options);
    return [...(await queue.take(count, NEVER))];
  }
  const done = (changes: Partial<Extract<Settlement, { action: 'done' }>> = {}): Settlement => ({
    action: 'done',
    outcome: 'updated',
    lagMs: 0,
    ...changes,
  });
  const retry = (delayMs: number): Settlement => ({
    action: 'retry',
    delayMs,
    progress: {},
    error: new Error('busy'),
    holdKeyMs: delayMs,
    hasOwnAge: false,
  });

  describe('when two deliveries of a key overlap', () => {
    /** The second one began later and has ended. @returns how the first one is settled. */
    async function settleFirst(secondChanged: boolean, first: Settlement): Promise<string> {
      const [one, two] = await taken(2, KEY);
      const coverage = { number: two!.ticket.number };
      await queue.settle(two!, done({ coverage, run: { changed: secondChanged } }));
      return queue.settle(one!, first);
    }
    const ran = (changed: boolean): Settlement => done({ run: { changed } });

    it.each([
      ['outrun when it changed the order after a later run has covered it', true, ran(true), 'outrun'],
      ['outrun when it changed the order and the later run did not', false, ran(true), 'outrun'],
      ['outrun when it saw no change, and the later run changed the order', true, ran(false), 'outrun'],
      ['settled when neither changed the order', false, ran(false), 'settled'],
      ['settled when it did not run, because the later run covers it', true, done(), 'settled'],
    ])('the earlier one is %s', async (_, secondChanged, first, result) => {
      await expect(settleFirst(secondChanged, first)).resolves.toBe(result);
      expect(await queue.counts()).toMatchObject({ delayed: result === 'outrun' ? 1 : 0, active: 0 });
    });
  });

  it('delays the others of a key after a failure, and not after a run that covers nothing', async () => {
    const [first] = await taken(1, KEY, 'first');
    await queue.settle(first!, done());
    const [second] = await taken(1, KEY, 'second');
    expect(second!.failing).toBeUndefined();
    await queue.settle(second!, retry(5000));
    const [third] = await taken(1, KEY, 'third');
    expect(third!.failing).toEqual({ notBeforeMs: Date.now() + 5000, hasOwnAge: false });
  });

  it('numbers what has no key, and tells nothing of other runs', async () => {
    const [delivery] = await taken(1);
    expect(delivery!.ticket).toEqual({ number: expect.any(Number) });
    expect(delivery!.ticket.number).toBeGreaterThan(delivery!.acceptedNumber);
  });

  it('changes nothing when a delivery is settled again', async () => {
    const [retried] = await taken(1);
    await queue.settle(retried!, retry(60_000));
    await expect(queue.settle(retried!, done())).resolves.toBe('settled');
    expect(await queue.counts()).toMatchObject({ delayed: 1 });
    vi.advanceTimersByTime(60_000);
    const [again] = await queue.take(1, NEVER);
    await queue.settle(again!, done());
    await expect(queue.settle(again!, retry(1))).resolves.toBe('settled');
    expect(await queue.counts()).toEqual({ waiting: 0, active: 0, delayed: 0, dead: 0 });
  });

  it('counts by account and state, from the oldest that is unfinished', async () => {
    const [dead] = await taken(1, {}, 'dead');
    await expect(
      queue.settle(dead!, { action: 'dead', progress: {}, error: new Error('wrong') }),
    ).resolves.toBe('settled');
    vi.advanceTimersByTime(1000);
    const [active] = await taken(1, {}, 'active');
    const oldestUnfinishedAt = new Date(Math.floor(active!.acceptedNumber / 1000));
    vi.advanceTimersByTime(1000);
    for (const delivery of await taken(2, {}, 'delayed')) await queue.settle(delivery, retry(60_000));
    await queue.add(sampleNotification());
    await queue.add(sampleNotification(), { background: true });
    expect(await queue.counts()).toEqual({ waiting: 2, active: 1, delayed: 2, dead: 1, oldestUnfinishedAt });
    expect(await queue.lanes()).toEqual([
      { accountId: 'ACME', waiting: 1, background: 1, running: 1, delayed: 2, oldestUnfinishedAt },
    ]);
    // Moves to the end of the queue, and stays the oldest.
    await queue.settle(active!, retry(60_000));
    expect(await queue.lanes()).toMatchObject([{ oldestUnfinishedAt }]);
    expect(await queue.findUnfinished({ accountId: 'ACME', refs: ['O_123'], ids: [] })).toMatchObject({
      isComplete: true,
    });
  });

  it('lets a notification that was put off without a run be superseded by any later run', async () => {
    const [first] = await taken(1, KEY);
    await queue.settle(first!, { action: 'defer', delayMs: 0, progress: {}, run: undefined });
    const [again] = await queue.take(1, NEVER);
    expect(again!.ranUntil).toBeUndefined();
  });

  it('gives the background its share, and further slots that nobody else wants, but not the last one', async () => {
    for (let n = 0; n < 4; n++) await queue.add(sampleNotification());
    for (let n = 0; n < 4; n++) await queue.add(sampleNotification(), { background: true });
    const held = { byAccount: {}, background: 0, backgroundShare: 2, reserves: false };
    const deliveries = await queue.take(8, NEVER, held);
    const order = deliveries.map(({ background }) => (background ? 'background' : 'prompt'));
    const prompt = Array.from({ length: 4 }, () => 'prompt');
    expect(order).toEqual(['background', 'background', ...prompt, 'background']);
  });

  describe('the dead letters', () => {
    async function die(id: string): Promise<string> {
      const [delivery] = await taken(1, {}, id);
      await queue.settle(delivery!, { action: 'dead', progress: {}, error: new Error('wrong') });
      vi.advanceTimersByTime(1000);
      return delivery!.id;
    }
    const idsOf = async (page = {}): Promise<string[]> =>
      (await queue.deadLetters(page)).map(({ notification }) => notification.id);

    it('come page by page, the newest first, also when the last letter of a page is gone meanwhile', async () => {
      for (const id of ['a', 'b', 'c', 'd']) await die(id);
      await queue.add(sampleNotification());
      expect(await idsOf()).toEqual(['d-1', 'c-1', 'b-1', 'a-1']);
      const [, after] = await queue.deadLetters({ limit: 2 });
      expect(await idsOf({ after })).toEqual(['b-1', 'a-1']);
      await queue.discard(after!.id);
      expect(await idsOf({ after })).toEqual(['b-1', 'a-1']);
      const [last] = (await queue.deadLetters()).slice(-1);
      expect(await idsOf({ after: last })).toEqual([]);
      await queue.discard(last!.id);
      expect(await idsOf({ after: last })).toEqual([]);
    });

    it('of one millisecond are all on the next page when the last letter of a page is gone', async () => {
      for (const delivery of await taken(2)) {
        await queue.settle(delivery, { action: 'dead', progress: {}, error: new Error('wrong') });
      }
      const [after] = await queue.deadLetters({ limit: 1 });
      await queue.discard(after!.id);
      expect(await idsOf({ after })).toEqual(['n-1']);
    });

    it('begin a new page when one of them died again', async () => {
      const id = await die('a');
      const [after] = await queue.deadLetters();
      await die('b');
      await queue.replay(id);
      const [again] = await queue.take(1, NEVER);
      await queue.settle(again!, { action: 'dead', progress: {}, error: new Error('wrong') });
      expect(await idsOf({ after })).toEqual([]);
      expect(await idsOf()).toEqual(['a-1', 'b-1']);
    });

    it('have an error also when none is known', async () => {
      await die('a');
      expect(await queue.deadLetters()).toMatchObject([
        { error: { name: 'Error', message: 'unknown' }, attempts: 0, firstFailedAt: undefined },
      ]);
    });

    it('are all that can be discarded', async () => {
      const [active] = await taken(1);
      await expect(queue.discard(active!.id)).resolves.toBe(false);
      expect(await queue.counts()).toMatchObject({ active: 1 });
    });
  });

  it('ends a wait for notifications when it is asked to, and after five seconds', async () => {
    const stop = new AbortController();
    const aborted = queue.take(1, stop.signal);
    stop.abort();
    await expect(aborted).resolves.toEqual([]);
    expect(vi.getTimerCount()).toBe(0);

    let isOver = false;
    const waited = queue.take(1, NEVER).finally(() => (isOver = true));
    await vi.advanceTimersByTimeAsync(4900);
    expect(isOver).toBe(false);
    await vi.advanceTimersByTimeAsync(200);
    await expect(waited).resolves.toEqual([]);
  });

  it('sleeps until the next notification is due, whatever waits for paused accounts', async () => {
    for (const accountId of ['ACME', 'PAUSED']) await queue.add(sampleNotification({ accountId }));
    for (const delivery of await queue.take(2, NEVER)) {
      await queue.settle(delivery, retry(delivery.notification.accountId === 'ACME' ? 3000 : 1000));
    }
    await queue.add(sampleNotification({ accountId: 'PAUSED' }));
    await queue.pause('PAUSED', { by: 'alice', since: new Date(), reason: 'test' });
    const sleeps = vi.spyOn(globalThis, 'setTimeout');
    const { signal } = new AbortController();
    const taking = queue.take(3, signal);
    await vi.advanceTimersByTimeAsync(3000);
    expect((await taking).map(({ notification: { accountId } }) => accountId)).toEqual(['ACME']);
    expect(sleeps.mock.calls.map(([, delayMs]) => delayMs)).toEqual([3000]);
    // A worker passes one signal to all its takes.
    expect(getEventListeners(signal, 'abort')).toEqual([]);
  });

  it('forgets the ids of finished notifications when DEDUPE_WINDOW is over', async () => {
    const [delivery] = await taken(1);
    await queue.settle(delivery!, done({ dedupeWindowSeconds: 10 }));
    vi.advanceTimersByTime(9999);
    await expect(queue.add(delivery!.notification)).resolves.toBe('duplicate');
    vi.advanceTimersByTime(1);
    await expect(queue.add(delivery!.notification)).resolves.toBe('accepted');
  });
});
