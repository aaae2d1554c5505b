import { Command } from 'commander';
import { describe, expect, it } from 'vitest';
import { runCommand } from '../../test/support/command-line.js';
import { COMMANDS, GROUPS } from './commands.js';
import type { Console } from './console.js';

describe('the table of commands', () => {
  it.each(COMMANDS.map((entry) => [entry.usage, entry] as const))(
    'shows the arguments that the command has: %s',
    async (usage, { load }) => {
      const command = new Command();
      (await load())(command, {} as Console, () => undefined);
      const names = usage.split(' ').filter((word) => !/^[<[]/.test(word));
      const args = command.usage().replace('[options]', '').trim();
      expect(usage).toBe([...names, args].filter(Boolean).join(' '));
    },
  );

  it('shows every group, and each has commands', () => {
    const first = new Set(COMMANDS.map(({ usage }) => usage.split(' ', 1)[0]));
    expect(Object.keys(GROUPS).filter((name) => !first.has(name))).toEqual([]);
  });

  it.each([
    [['help', 'order'], 'Usage: fluent-commercetools-connector order [options] <ref>'],
    [['help', 'dead-letters', 'show'], 'dead-letters show [options] <id>'],
    [['dead-letters', 'help', 'show'], 'dead-letters show [options] <id>'],
    [['dead-letters', 'help'], 'replay [id]'],
    [['help'], 'sync <ref>'],
  ])('is what the command help shows: %j', async (args, text) => {
    const { code, out } = await runCommand(args);
    expect(out).toContain(text);
    expect(code).toBe(0);
  });
});
