import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { ScriptRunner, loadScripts } from './lua-scripts.js';
import type { RedisClient } from './redis-connections.js';

interface Scripts {
  raise: { args: 'prefix' | 'limit'; each: 'id' | 'by'; reply: number };
}

/** See `lua-scripts.int.spec.ts`. */
const ABSENT = '{fluent-connector}:absent';
const RAISE = `-- keys: counts other
-- args: prefix limit
-- each: one
-- include: clock
--
-- Raises counts.
local function one(id, by)
end
`;
const folder = mkdtempSync(join(tmpdir(), 'lua-scripts-'));

beforeAll(() => {
  writeFileSync(join(folder, 'raise-counts.lua'), RAISE);
  writeFileSync(join(folder, 'clock.lua'), 'local clock = 1');
});
afterAll(() => rmSync(folder, { recursive: true }));

function setUp() {
  const raise = vi.fn<(...values: unknown[]) => Promise<number>>().mockResolvedValue(7);
  const defineCommand = vi.fn<(name: string, options: { numberOfKeys: number; lua: string }) => void>();
  const scripts = loadScripts<Scripts>(pathToFileURL(`${folder}/`), { raise: 'raise-counts' });
  const client = { raise, defineCommand } as unknown as RedisClient;
  const runner = new ScriptRunner(client, scripts, { counts: 'c', other: 'o', unused: 'u' });
  return { raise, defineCommand, runner };
}

describe('ScriptRunner', () => {
  it('gives a script its keys, its arguments and its items in the order of its comments', async () => {
    const { raise, runner } = setUp();
    const items = [
      { by: 2, id: 'a' },
      { by: 3, id: 'b' },
    ];
    expect(await runner.run('raise', { limit: 9, prefix: 'p' }, { other: 'mine' }, items)).toBe(7);
    expect(raise).toHaveBeenCalledWith('c', 'mine', ABSENT, 'p', 9, 'a', 2, 'b', 3);
  });

  it('makes what a script is given local variables, behind the files that it includes', () => {
    const [[name, { numberOfKeys, lua }] = ['', { numberOfKeys: 0, lua: '' }]] =
      setUp().defineCommand.mock.calls;
    expect([name, numberOfKeys]).toEqual(['raise', 3]);
    expect(lua.split('\n').slice(0, 6)).toEqual([
      'local clock = 1',
      'local counts = KEYS[1]',
      'local other = KEYS[2]',
      'local prefix = ARGV[1]',
      'local limit = ARGV[2]',
      'local FIRST, EACH = 3, 2',
    ]);
    expect(lua.endsWith(RAISE)).toBe(true);
  });

  it('names what a call leaves out', async () => {
    const { raise, runner } = setUp();
    const item = { id: 'a' } as { id: string; by: number };
    await expect(runner.run('raise', { prefix: 'p', limit: 9 }, {}, [item])).rejects.toThrow(
      "Redis script raise: an item's by is missing",
    );
    expect(raise).not.toHaveBeenCalled();
  });
});
