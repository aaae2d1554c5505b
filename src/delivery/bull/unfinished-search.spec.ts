import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { sampleNotification } from '../../testing/sample-notification.js';
import type { QueueScripts, QueueScriptRunner } from './scripts.js';
import { UnfinishedSearch } from './unfinished-search.js';

const O_123 = { accountId: 'ACME', refs: ['O_123'], ids: [] };
const DATA = JSON.stringify({ number: 1, notification: sampleNotification() });

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['performance'] });
});
afterEach(() => {
  vi.useRealTimers();
});

type Page = QueueScripts['findUnfinished']['reply'];

/** Scripts of which each takes a second. */
function slowScripts(pageOf: (cursor: string) => Page) {
  const cursors: string[] = [];
  let running = 0;
  const run = async (_name: string, args: unknown): Promise<Page> => {
    const { cursor } = args as { readonly cursor: string };
    cursors.push(cursor);
    expect(++running).toBe(1);
    await Promise.resolve();
    vi.advanceTimersByTime(1000);
    running--;
    return pageOf(cursor);
  };
  return { cursors, search: new UnfinishedSearch({ run } as Pick<QueueScriptRunner, 'run'>) };
}

it('looks at every page, and returns once what the scan returns twice', async () => {
  const { cursors, search } = slowScripts((cursor) =>
    cursor === '0' ? ['7', [['a', DATA, null]]] : ['0', [['a', DATA, null]]],
  );
  const { found, isComplete } = await search.find(O_123);
  expect(cursors).toEqual(['0', '7']);
  expect(found).toHaveLength(1);
  expect(isComplete).toBe(true);
});

it('stops after five seconds, and says that it has not looked at everything', async () => {
  const { cursors, search } = slowScripts(() => ['7', []]);
  await expect(search.find(O_123)).resolves.toEqual({ found: [], isComplete: false });
  expect(cursors).toHaveLength(5);
});

it('makes one search at a time, and counts the wait for the others', async () => {
  const { cursors, search } = slowScripts((cursor) => (cursor === '0' ? ['7', []] : ['0', []]));
  const results = await Promise.all([search.find(O_123), search.find(O_123), search.find(O_123)]);
  expect(results.map(({ isComplete }) => isComplete)).toEqual([true, true, false]);
  expect(cursors).toEqual(['0', '7', '0', '7', '0']);
});

it('searches again after a search that failed', async () => {
  let calls = 0;
  const { search } = slowScripts(() => {
    if (++calls === 1) throw new Error('Redis is away');
    return ['0', [['a', DATA, null]]];
  });
  const [failed, second] = await Promise.allSettled([search.find(O_123), search.find(O_123)]);
  expect(failed.status).toBe('rejected');
  expect(second).toMatchObject({ value: { isComplete: true } });
});
