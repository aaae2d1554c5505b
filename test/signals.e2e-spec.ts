import { once } from 'node:events';
import { spawn } from 'node:child_process';
import { constants, readFileSync } from 'node:fs';
import { describe, expect, vi } from 'vitest';
import { BASE_ENVIRONMENT, buildPath } from './support/build-path.js';
import { createIt } from './support/harness.js';
import { WAIT } from './support/wait.js';

const it = createIt();
it.override('redisOptions', { aof: false });

/** Runs the connector until it ends by itself. */
async function runToEnd(
  env: Readonly<Record<string, string>>,
): Promise<{ code: number | null; stderr: string }> {
  const child = spawn(process.execPath, [buildPath('main.js')], {
    env: { ...BASE_ENVIRONMENT, ...env },
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  let stderr = '';
  child.stderr.on('data', (chunk: Buffer) => (stderr += chunk.toString()));
  const [code] = (await once(child, 'close')) as [number | null];
  return { code, stderr };
}

describe('the process', () => {
  it.for<NodeJS.Signals>(['SIGTERM', 'SIGINT'])(
    'exits with 0 on %s, and has warned of a Redis that forgets',
    async (signal, { harness }) => {
      const messages = () => harness.lines.map(({ msg }) => msg);
      const connector = await harness.startConnector();
      await vi.waitFor(() => expect(messages().join('\n')).toContain('appendonly'), WAIT);
      expect(await connector.stop(signal)).toBe(0);
      expect(messages()).toEqual(expect.arrayContaining(['listening', 'shutting down', 'stopped']));
    },
  );

  it('writes its log to a blocking output, so that a slow reader never makes the logger sleep', async ({
    harness,
  }) => {
    const { pid } = await harness.startConnector();
    const [, flags = ''] = /^flags:\s*(\d+)$/m.exec(readFileSync(`/proc/${pid}/fdinfo/1`, 'utf8')) ?? [];
    expect(Number.parseInt(flags, 8) & constants.O_NONBLOCK).toBe(0);
  });

  it('keeps the debugger closed on SIGUSR1', async ({ harness }) => {
    const connector = await harness.startConnector();
    process.kill(connector.pid, 'SIGUSR1');
    await vi.waitFor(() => expect(connector.output).toMatch(/ignored SIGUSR1/), WAIT);
    expect(connector.output).not.toMatch(/Debugger listening/);
    expect(await connector.stop()).toBe(0);
  });

  it('exits at once, and not with 0, on a second signal', async ({ harness }) => {
    // Without the second signal it would go on for longer than this test may take.
    const connector = await harness.startConnector({ DRAIN_DELAY: '300' });
    process.kill(connector.pid, 'SIGTERM');
    await vi.waitFor(async () => expect(await connector.status('/health/ready')).toBe(503), WAIT);
    expect(await connector.status('/health/live')).toBe(200);
    expect(await connector.stop('SIGINT')).toBe(1);
  });

  it('names every problem of its configuration in one message, without a stack or a secret', async ({
    harness,
  }) => {
    const variables = harness.environmentWith({ CTP_SCOPES: '', RETRY_MAX_AGE: 'soon' });
    const { code, stderr } = await runToEnd(variables);
    expect(code).toBe(1);
    expect(stderr).toMatch(/CTP_SCOPES/);
    expect(stderr).toMatch(/RETRY_MAX_AGE/);
    expect(stderr).not.toMatch(/\n\s+at /);
    for (const secret of ['FLUENT_PASSWORD', 'FLUENT_CLIENT_SECRET', 'CTP_CLIENT_SECRET']) {
      expect(variables[secret]).toBeTruthy();
      expect(stderr).not.toContain(variables[secret]);
    }
  });

  it('says what to change when its port is taken', async ({ harness }) => {
    const connector = await harness.startConnector();
    const { port } = new URL(connector.url);
    const { code, stderr } = await runToEnd(harness.environmentWith({ HOST: '127.0.0.1', PORT: port }));
    expect(code).toBe(1);
    expect(stderr).toMatch(/EADDRINUSE.*check HOST, PORT and MANAGEMENT_PORT/);
    expect(await connector.stop()).toBe(0);
  });

  it('is not taken for ready by the tests when another server answers on its port', async ({ harness }) => {
    const { url } = await harness.startConnector();
    const start = harness.startConnector({ PORT: new URL(url).port });
    await expect(start).rejects.toThrow(/did not start[^]*EADDRINUSE/);
  });
});
