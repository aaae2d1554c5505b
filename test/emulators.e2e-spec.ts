import { spawn } from 'node:child_process';
import { createPrivateKey, createPublicKey } from 'node:crypto';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, readdirSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';

let emulators: ReturnType<typeof spawn>;
let printed = '';
let folder: string;

beforeEach(() => {
  printed = '';
  folder = mkdtempSync(join(tmpdir(), 'emulators-'));
  emulators = spawn(process.execPath, ['--import', 'tsx', 'demo/emulators.ts'], {
    env: { ...process.env, TMPDIR: folder, FLUENT_EMULATOR_PORT: '0', COMMERCETOOLS_EMULATOR_PORT: '0' },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  emulators.stdout!.on('data', (chunk: Buffer) => (printed += chunk.toString()));
});
afterEach(() => {
  emulators.kill('SIGKILL');
  rmSync(folder, { recursive: true, force: true });
});

const keyFolders = (): string[] => readdirSync(folder).filter((name) => name.startsWith('fluent-emulator-'));

it('the emulators print where the private key of their webhooks is, and take it away when they end', async () => {
  await expect.poll(() => printed, { timeout: 45_000 }).toContain('Ctrl-C ends both.');
  const [, path = ''] = /^They are signed with +(\S+)/m.exec(printed) ?? [];
  const [, publicKey = ''] = /^export FLUENT_WEBHOOK_PUBLIC_KEYS='(.*)'$/m.exec(printed) ?? [];
  const derived = createPublicKey(createPrivateKey(readFileSync(path, 'utf8')));
  expect(derived.export({ type: 'spki', format: 'der' }).toString('base64')).toBe(publicKey);
  expect(statSync(path).mode & 0o777).toBe(0o600);
  const ended = once(emulators, 'exit');
  emulators.kill('SIGTERM');
  expect(await ended).toEqual([0, null]);
  expect(existsSync(path)).toBe(false);
}, 60_000);

it('the emulators take the private key away when they end before they have started', async () => {
  await expect.poll(keyFolders, { timeout: 45_000, interval: 1 }).toHaveLength(1);
  const ended = once(emulators, 'exit');
  emulators.kill('SIGTERM');
  expect(await ended).toEqual([0, null]);
  expect(keyFolders()).toEqual([]);
}, 60_000);
