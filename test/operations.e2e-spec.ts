import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { promisify } from 'node:util';
import { Redis } from 'ioredis';
import { describe, expect, vi } from 'vitest';
import { REFERENCE_MAPPINGS } from '../src/testing/index.js';
import { type Harness, it } from './support/harness.js';

const WAIT = { timeout: 60_000, interval: 50 };
const ORDER_MAPPING = 'fc.connect.commercetools.order.order-status-mapping';
const LOOK_BACK = { RECONCILE_INTERVAL: '1', RECONCILE_OVERLAP: '86400' };
/** The commands that docs/operations.md has operators run in a pod. */
const COMMANDS = [...readFileSync('docs/operations.md', 'utf8').matchAll(/ -- node (.*) '\n([^']*)'/g)].map(
  ([, options = '', program = '']) => [...options.split(' '), program],
);
/** The keys that docs/operations.md has operators delete. */
const DONE_MARKS = /--scan --pattern '([^']*)'/.exec(readFileSync('docs/operations.md', 'utf8'))?.[1] ?? '';

it.override('redisOptions', { aof: true });
it.override('environment', { RECHECK_DELAY: '100' });

/** Runs a command of the documentation as `kubectl exec` would. */
async function run(harness: Harness, command: readonly string[] | undefined): Promise<string> {
  const { stdout } = await promisify(execFile)(process.execPath, command, {
    env: { ...harness.environmentWith(), HOST: '127.0.0.1' },
  });
  return stdout;
}

describe('what docs/operations.md tells operators to do', { timeout: 120_000 }, () => {
  it('lists dead letters with their errors, and replays them', async ({ harness }) => {
    const { fluent, commercetools } = harness;
    const connector = await harness.startConnector({ ORDER_NOT_FOUND_MAX_AGE: '0' });
    await fluent.walk(fluent.addOrder({ ref: 'O_1' }).id, ['BOOKED']);
    await vi.waitFor(async () => expect(await connector.metric('queue_jobs', 'state="dead"')).toBe(1), WAIT);
    const [list, replay] = COMMANDS;
    expect(JSON.parse(await run(harness, list))).toMatchObject({
      entityRef: 'O_1',
      error: { message: expect.stringContaining('O_1') },
    });

    commercetools.addOrder({ orderNumber: 'O_1' });
    expect(await run(harness, replay)).toBe('1 replayed\n');
    await harness.expectAgreement('O_1', 'BOOKED');
    expect(await run(harness, list)).toBe('');
  });

  it('finds every order again by reconciliation when Redis has lost its data', async ({ harness, redis }) => {
    const ingress = await harness.startConnector({ CONNECTOR_ROLE: 'ingress' });
    await harness.fluent.walk(harness.addOrder('O_1'), ['BOOKED']);
    expect(await ingress.metric('queue_jobs', 'state="waiting"')).toBe(1);
    await redis.flush();
    await ingress.stop();

    await harness.startConnector(LOOK_BACK);
    await harness.expectAgreement('O_1', 'BOOKED');
  });

  it('maps every order again after a wrong mapping was deployed', async ({ harness, redis }) => {
    const { fluent, commercetools } = harness;
    const right = REFERENCE_MAPPINGS[ORDER_MAPPING];
    const setting = { name: ORDER_MAPPING, valueType: 'JSON', context: 'RETAILER', contextId: 1 } as const;
    fluent.setSetting({ ...setting, lobValue: { fluent: { ...right.fluent, BOOKED: 'Cancelled' } } });
    const connector = await harness.startConnector(LOOK_BACK);
    await fluent.walk(harness.addOrder('O_1'), ['BOOKED']);
    await vi.waitFor(() => expect(commercetools.order('O_1')?.orderState).toBe('Cancelled'), WAIT);

    fluent.setSetting({ ...setting, lobValue: right });
    const client = new Redis(redis.url);
    try {
      // The webhook's, and the one of reconciliation, which would keep it from looking again.
      const marks = await vi.waitFor(async () => {
        const keys = await client.keys(DONE_MARKS);
        expect(keys).toHaveLength(2);
        return keys;
      }, WAIT);
      await connector.stop();
      await client.unlink(marks);
    } finally {
      client.disconnect();
    }
    await harness.startConnector(LOOK_BACK);
    await harness.expectAgreement('O_1', 'BOOKED');
  });
});
