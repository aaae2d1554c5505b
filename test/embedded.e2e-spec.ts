import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { text } from 'node:stream/consumers';
import { describe, expect } from 'vitest';
import { it } from './support/harness.js';

/** Waits for the process to end by itself, and ends it when the test gives up. */
async function outputOf(
  args: readonly string[],
  env: Readonly<Record<string, string>>,
  signal: AbortSignal,
): Promise<string> {
  const child = spawn(process.execPath, ['test/support/embedded-app.mjs', ...args], {
    env: { PATH: process.env['PATH'], LOG_LEVEL: 'error', HOST: '127.0.0.1', PORT: '0', ...env },
    stdio: ['ignore', 'pipe', 'inherit'],
    signal,
  });
  const [output, [code]] = await Promise.all([text(child.stdout), once(child, 'close')]);
  return `${output}exit code ${code}`;
}

describe('a connector inside of another process', () => {
  it.for(['all', 'ingress', 'worker'])(
    'leaves nothing open when it is closed in the role %s, so the process ends',
    async (role, { harness, signal }) => {
      const environment = harness.environmentWith({ CONNECTOR_ROLE: role, RECONCILE_INTERVAL: '1' });
      expect(await outputOf([], environment, signal)).toBe('closed\nexit code 0');
    },
  );

  it('leaves nothing open when the test connector stops', async ({ redis, signal }) => {
    const environment = { REDIS_URL: redis.url };
    expect(await outputOf(['test-connector'], environment, signal)).toBe('closed\nexit code 0');
  });
});
