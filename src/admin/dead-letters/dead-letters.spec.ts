import { describe, expect, it } from 'vitest';
import type { DeadLetter, DeadLetterPage, MessageQueue } from '../../delivery/index.js';
import { DeadLetters } from './dead-letters.js';

const COUNT = 25_300;

const NEWEST_MS = 2_000_000_000_000;

function letter(index: number): DeadLetter {
  return {
    id: `letter-${index}`,
    notification: { accountId: 'ACME', name: 'order', entityType: 'ORDER', entityId: '1', entityRef: 'O' },
    error: { name: 'OrderNotFoundError', message: 'not there' },
    diedAt: new Date(NEWEST_MS - index),
  } as unknown as DeadLetter;
}

/** Many dead letters, newest first, as the queue returns them. Those that are replayed fail again at once. */
class ManyLetters {
  private readonly letters = Array.from({ length: COUNT }, (_, index) => letter(index));
  private readonly failedAgain: DeadLetter[] = [];
  readonly replayed: string[] = [];

  async deadLetters({ after, limit = 50 }: DeadLetterPage = {}): Promise<readonly DeadLetter[]> {
    const older = after === undefined ? 0 : NEWEST_MS - after.diedAt.getTime() + 1;
    const again = after === undefined ? this.failedAgain.toReversed() : [];
    return [...again, ...this.letters.slice(Math.max(older, 0), Math.max(older, 0) + limit)].slice(0, limit);
  }

  async replay(id: string): Promise<boolean> {
    this.replayed.push(id);
    this.failedAgain.push({ ...letter(0), id, diedAt: new Date(NEWEST_MS + this.replayed.length) });
    return true;
  }
}

/** Sends requests until none is left, as the command line and the console do. */
async function replayAll(
  queue: ManyLetters,
  dryRun: boolean,
): Promise<{ matched: number; requests: number }> {
  const deadLetters = new DeadLetters(queue as unknown as MessageQueue);
  let [matched, requests] = [0, 0];
  let after: string | undefined;
  do {
    const result = await deadLetters.replayMany({ account: 'ACME' }, { dryRun, after });
    expect(result.more).toBe(result.next !== undefined);
    matched += result.matched;
    requests++;
    after = result.next;
  } while (after !== undefined);
  return { matched, requests };
}

describe('dead letters beyond ten thousand', () => {
  it('are counted completely by a preview that goes on, and none is replayed', async () => {
    const queue = new ManyLetters();
    expect(await replayAll(queue, true)).toEqual({ matched: COUNT, requests: 3 });
    expect(queue.replayed).toEqual([]);
  });

  it('are replayed once each, although they fail again meanwhile', async () => {
    const queue = new ManyLetters();
    expect(await replayAll(queue, false)).toEqual({ matched: COUNT, requests: 3 });
    expect(new Set(queue.replayed).size).toBe(COUNT);
    expect(queue.replayed).toHaveLength(COUNT);
  });
});
