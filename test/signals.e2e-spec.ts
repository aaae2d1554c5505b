import { once } from 'node:events';
import { spawn } from 'node:child_process';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { generateWebhookKeys } from '../src/testing/webhook-signature.js';
import { PrivateRedis } from '../src/testing/private-redis.js';
import { ConnectorProcess, type LogLine } from './support/connector-process.js';

let redis: PrivateRedis;
let environment: Record<string, string>;

beforeAll(async () => {
  redis = await PrivateRedis.start({ aof: false });
  const nowhere = 'http://127.0.0.1:1';
  environment = {
    REDIS_URL: redis.url,
    FLUENT_ACCOUNT_ID: 'ACME',
    FLUENT_BASE_URL: nowhere,
    FLUENT_USERNAME: 'user',
    FLUENT_PASSWORD: 'hunter2',
    FLUENT_CLIENT_ID: 'ACME',
    FLUENT_CLIENT_SECRET: 'hunter2',
    FLUENT_WEBHOOK_PUBLIC_KEYS: generateWebhookKeys().publicKey,
    CTP_PROJECT_KEY: 'shop',
    CTP_CLIENT_ID: 'client',
    CTP_CLIENT_SECRET: 'hunter2',
    CTP_AUTH_URL: nowhere,
    CTP_API_URL: nowhere,
    CTP_SCOPES: 'manage_orders:shop',
    RECONCILE_INTERVAL: '0',
  };
});
afterAll(() => redis?.stop());

/** Runs the connector until it ends by itself. */
async function runToEnd(env: Record<string, string>): Promise<{ code: number | null; stderr: string }> {
  const child = spawn(process.execPath, ['dist/main.js'], {
    env: { PATH: process.env['PATH'], ...env },
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  let stderr = '';
  child.stderr.on('data', (chunk: Buffer) => (stderr += chunk.toString()));
  const [code] = (await once(child, 'close')) as [number | null];
  return { code, stderr };
}

describe('the process', () => {
  it.each<NodeJS.Signals>(['SIGTERM', 'SIGINT'])(
    'ends with 0 on %s, and warned of a Redis that forgets',
    async (signal) => {
      const log: LogLine[] = [];
      const connector = await ConnectorProcess.start(environment, (line) => log.push(line));
      await vi.waitFor(() => expect(log.some(({ msg }) => /appendonly/.test(String(msg)))).toBe(true), 5000);
      expect(await connector.stop(signal)).toBe(0);
      expect(log.map(({ msg }) => msg)).toEqual(
        expect.arrayContaining(['listening', 'shutting down', 'stopped']),
      );
    },
  );

  it('ends at once, and not with 0, on a second signal', async () => {
    const connector = await ConnectorProcess.start({ ...environment, DRAIN_DELAY: '60' });
    process.kill(connector.pid, 'SIGTERM');
    await vi.waitFor(async () => expect(await connector.status('/health/ready')).toBe(503), 5000);
    expect(await connector.status('/health/live')).toBe(200);
    expect(await connector.stop('SIGINT')).toBe(1);
  });

  it('tells every problem of its configuration in one message, without a stack or a secret', async () => {
    const { code, stderr } = await runToEnd({ ...environment, CTP_SCOPES: '', RETRY_MAX_AGE: 'soon' });
    expect(code).toBe(1);
    expect(stderr).toMatch(/CTP_SCOPES/);
    expect(stderr).toMatch(/RETRY_MAX_AGE/);
    expect(stderr).not.toMatch(/\n\s+at |hunter2/);
  });

  it('says what to change when its port is taken', async () => {
    const connector = await ConnectorProcess.start(environment);
    const { port } = new URL(connector.url);
    const { code, stderr } = await runToEnd({ ...environment, HOST: '127.0.0.1', PORT: port });
    expect(code).toBe(1);
    expect(stderr).toMatch(/EADDRINUSE.*check HOST and PORT/);
    expect(await connector.stop()).toBe(0);
  });
});
