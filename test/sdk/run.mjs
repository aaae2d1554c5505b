// `npm run test:sdk`: the Fluent emulator and the webhook signer against the vendor's own SDK, a client that
// nobody here wrote. It weighs 70 MB and wants to compile native code, so it is no dependency: this installs
// it into a temporary folder, without running its install scripts, and removes it afterwards.
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const SDK = '@fluentcommerce/fc-connect-sdk';
const VERSION = '0.1.56';

const folder = mkdtempSync(join(tmpdir(), 'fc-connect-sdk-'));
try {
  const install = ['install', '--prefix', folder, '--ignore-scripts', '--no-audit', '--no-fund'];
  const vitest = ['vitest', 'run', '--config', join(import.meta.dirname, 'vitest.config.ts')];
  const sdk = join(folder, 'node_modules', SDK, 'dist', 'esm', 'index.js');
  const passed = run('npm', [...install, `${SDK}@${VERSION}`]) && run('npx', vitest, { FC_CONNECT_SDK: sdk });
  process.exitCode = passed ? 0 : 1;
} finally {
  rmSync(folder, { recursive: true, force: true });
}

/** @returns whether the program ended well. */
function run(program, args, env = {}) {
  const { status, error } = spawnSync(program, args, { stdio: 'inherit', env: { ...process.env, ...env } });
  if (error) throw error;
  return status === 0;
}
