import { expect, it } from 'vitest';
import { runCommand } from '../../test/support/command-line.js';
import { startLocalServer } from '../../test/support/local-server.js';

it('dead-letters replay goes on until the connector has no more, and prints the sums', async () => {
  const requests: URLSearchParams[] = [];
  const pages = [
    { matched: 10_000, replayed: 9999, byCause: { data: 9000, permission: 1000 }, more: true, next: '1.a' },
    { matched: 10_200, replayed: 10_200, byCause: { data: 10_200, permission: 0 }, more: true, next: '2.b' },
    { matched: 300, replayed: 300, byCause: { data: 300, permission: 0 }, more: false },
  ];
  await using server = await startLocalServer(({ path }) => {
    requests.push(new URL(path, 'http://connector').searchParams);
    return { json: pages[requests.length - 1] };
  });
  const replay = (...args: string[]) =>
    runCommand(['dead-letters', 'replay', '--account', 'ACME', '--url', server.url, ...args], {
      env: { ADMIN_TOKEN: 'a-token' },
    });

  const preview = await replay();
  expect(preview.out).toContain('matching dead letters: 20500; add --yes to replay them');
  expect(preview.out).toMatch(/^data +19500\npermission +1000$/m);
  expect(requests.map((query) => [query.get('dryRun'), query.get('account'), query.get('after')])).toEqual([
    ['true', 'ACME', null],
    ['true', 'ACME', '1.a'],
    ['true', 'ACME', '2.b'],
  ]);

  requests.length = 0;
  expect((await replay('--yes')).out).toContain('replayed: 20499 of 20500 dead letters');
  expect(requests.map((query) => query.get('dryRun'))).toEqual(['false', 'false', 'false']);
});
