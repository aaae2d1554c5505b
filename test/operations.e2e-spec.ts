import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { promisify } from 'node:util';
import { Redis } from 'ioredis';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import {
  CommercetoolsEmulator,
  FluentEmulator,
  PrivateRedis,
  REFERENCE_MAPPINGS,
} from '../src/testing/index.js';
import { agrees } from './support/agreement.js';
import { ConnectorProcess } from './support/connector-process.js';

const patience = { timeout: 40_000, interval: 50 };
const ORDER_MAPPING = 'fc.connect.commercetools.order.order-status-mapping';
const LOOK_BACK = { RECONCILE_INTERVAL: '1', RECONCILE_OVERLAP: '86400' };
/** What docs/operations.md tells to run in a pod. */
const COMMANDS = [
  ...readFileSync('docs/operations.md', 'utf8').matchAll(/ -- env ([^\\]*)\\\n +node (.*?) '\n([^']*)'/g),
].map(([, environment = '', options = '', program = '']) => ({
  environment: Object.fromEntries(
    environment
      .trim()
      .split(' ')
      .map((pair) => pair.split('=')),
  ) as Record<string, string>,
  args: [...options.split(' '), program],
}));
/** The keys that docs/operations.md tells to delete. */
const DONE_MARKS = /--scan --pattern '([^']*)'/.exec(readFileSync('docs/operations.md', 'utf8'))?.[1] ?? '';

let redis: PrivateRedis;
let fluent: FluentEmulator;
let commercetools: CommercetoolsEmulator;
let connector: ConnectorProcess | undefined;

beforeEach(async () => {
  redis = await PrivateRedis.start({ aof: true });
  fluent = await new FluentEmulator().start();
  commercetools = await new CommercetoolsEmulator().start();
  fluent.useReferenceMappings();
});
afterEach(async () => {
  await connector?.kill();
  connector = undefined;
  await Promise.all([fluent.stop(), commercetools.stop(), redis.stop()]);
});

function connectorEnvironment(more: Record<string, string> = {}): Record<string, string> {
  return {
    REDIS_URL: redis.url,
    ...fluent.environment,
    ...commercetools.environment,
    RECONCILE_INTERVAL: '0',
    RECHECK_DELAY: '100',
    ...more,
  };
}

async function restart(more: Record<string, string> = {}): Promise<void> {
  await connector?.stop();
  connector = await ConnectorProcess.start(connectorEnvironment(more));
  fluent.webhookUrl = connector.webhookUrl;
}

/** Runs a command of the documentation as `kubectl exec` would. */
async function run(command: (typeof COMMANDS)[number] | undefined): Promise<string> {
  const { stdout } = await promisify(execFile)(process.execPath, command!.args, {
    env: { ...connectorEnvironment(), HOST: '127.0.0.1', ...command!.environment },
  });
  return stdout;
}

describe('what docs/operations.md tells to do', { timeout: 120_000 }, () => {
  it('about dead letters: lists them with their errors, and replays them', async () => {
    await restart({ ORDER_NOT_FOUND_MAX_AGE: '0' });
    await fluent.walk(fluent.addOrder({ ref: 'O_1' }).id, ['BOOKED']);
    await vi.waitFor(
      async () => expect(await connector?.metric('queue_jobs', 'state="dead"')).toBe(1),
      patience,
    );
    const [list, replay] = COMMANDS;
    expect(JSON.parse(await run(list))).toMatchObject({
      entityRef: 'O_1',
      error: { message: expect.stringContaining('O_1') },
    });

    commercetools.addOrder({ orderNumber: 'O_1' });
    expect(await run(replay)).toBe('1 replayed\n');
    await vi.waitFor(() => expect(agrees(commercetools.order('O_1'), 'BOOKED')).toBe(true), patience);
    expect(await run(list)).toBe('');
  });

  it('when Redis is lost: reconciliation looks back and finds every order', async () => {
    await restart({ CONNECTOR_ROLE: 'ingress' });
    commercetools.addOrder({ orderNumber: 'O_1' });
    await fluent.walk(fluent.addOrder({ ref: 'O_1' }).id, ['BOOKED']);
    expect(await connector?.metric('queue_jobs', 'state="waiting"')).toBe(1);
    await redis.flush();

    await restart(LOOK_BACK);
    await vi.waitFor(() => expect(agrees(commercetools.order('O_1'), 'BOOKED')).toBe(true), patience);
  });

  it('when a wrong mapping was deployed: every order is mapped again', async () => {
    const right = REFERENCE_MAPPINGS[ORDER_MAPPING];
    const setting = { name: ORDER_MAPPING, valueType: 'JSON', context: 'RETAILER', contextId: 1 } as const;
    fluent.setSetting({ ...setting, lobValue: { fluent: { ...right.fluent, BOOKED: 'Cancelled' } } });
    await restart(LOOK_BACK);
    commercetools.addOrder({ orderNumber: 'O_1' });
    await fluent.walk(fluent.addOrder({ ref: 'O_1' }).id, ['BOOKED']);
    await vi.waitFor(() => expect(commercetools.order('O_1')?.orderState).toBe('Cancelled'), patience);

    fluent.setSetting({ ...setting, lobValue: right });
    const client = new Redis(redis.url);
    try {
      // The webhook's, and the one of reconciliation, which would keep it from looking again.
      const marks = await vi.waitFor(async () => {
        const keys = await client.keys(DONE_MARKS);
        expect(keys).toHaveLength(2);
        return keys;
      }, patience);
      await connector?.stop();
      await client.unlink(marks);
    } finally {
      client.disconnect();
    }
    await restart(LOOK_BACK);
    await vi.waitFor(() => expect(agrees(commercetools.order('O_1'), 'BOOKED')).toBe(true), patience);
  });
});
