import { afterEach, expect, it, vi } from 'vitest';
import type { ReplayManyResult } from '../dead-letters/dead-letter-schemas.js';

/** The page is JavaScript that tsconfig.json beside it checks, apart from the rest. */
const { replayDeadLetters } = (await import(new URL('page/api.js', import.meta.url).href)) as {
  replayDeadLetters: (query: object) => Promise<ReplayManyResult>;
};

const PAGES = [
  { matched: 10_000, replayed: 9999, byCause: { data: 9000, permission: 1000 }, more: true, next: '1.a' },
  { matched: 300, replayed: 300, byCause: { data: 300, permission: 0 }, more: false },
];

afterEach(() => vi.unstubAllGlobals());

it('the console counts and replays dead letters until the connector has no more', async () => {
  const asked: string[] = [];
  vi.stubGlobal('fetch', async (url: string) => {
    asked.push(url);
    return Response.json(PAGES[asked.length - 1]);
  });
  expect(await replayDeadLetters({ account: 'ACME', dryRun: true })).toMatchObject({
    matched: 10_300,
    replayed: 10_299,
    byCause: { data: 9300, permission: 1000 },
  });
  expect(asked).toEqual([
    '/admin/dead-letters/replay?account=ACME&dryRun=true',
    '/admin/dead-letters/replay?account=ACME&dryRun=true&after=1.a',
  ]);
});
