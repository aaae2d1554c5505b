import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { text } from 'node:stream/consumers';
import { describe, expect } from 'vitest';
import { BASE_ENVIRONMENT } from './support/build-path.js';
import { it } from './support/harness.js';

/** Some forty times what it takes. The longest timer of a connection to Redis would take 15 s. */
const MAX_LINGER_MS = 8000;

/** Waits for the process to end by itself, and ends it when the test gives up. */
async function expectCleanEnd(
  args: readonly string[],
  env: Readonly<Record<string, string>>,
  signal: AbortSignal,
): Promise<void> {
  const child = spawn(process.execPath, ['test/support/embedded-app.mjs', ...args], {
    env: { ...BASE_ENVIRONMENT, LOG_LEVEL: 'error', HOST: '127.0.0.1', PORT: '0', ...env },
    stdio: ['ignore', 'pipe', 'inherit'],
    signal,
  });
  const [output, [code]] = await Promise.all([text(child.stdout), once(child, 'close')]);
  const [, lingeredMs] = /^closed\nended (\d+) ms later\n$/.exec(output) ?? [];
  expect(Number(lingeredMs), output).toBeLessThan(MAX_LINGER_MS);
  expect(code).toBe(0);
}

describe('a connector inside of another process', () => {
  it.for(['all', 'ingress', 'worker'])(
    'leaves nothing open when it is closed in the role %s, so the process ends',
    async (role, { harness, signal }) => {
      const environment = harness.environmentWith({ CONNECTOR_ROLE: role, RECONCILE_INTERVAL: '1' });
      await expectCleanEnd([], environment, signal);
    },
  );

  it('leaves nothing open when the test connector stops', async ({ redis, signal }) => {
    const environment = { REDIS_URL: redis.url };
    await expectCleanEnd(['test-connector'], environment, signal);
  });

  it('leaves nothing open without Redis', async ({ signal }) => {
    await expectCleanEnd(['test-connector', 'without-redis'], {}, signal);
  });
});
