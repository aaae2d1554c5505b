import { readFileSync } from 'node:fs';
import { Redis } from 'ioredis';
import { describe, expect, vi } from 'vitest';
import { REFERENCE_MAPPINGS } from '../src/testing/index.js';
import type { ConnectorProcess } from './support/connector-process.js';
import { it } from './support/harness.js';

const WAIT = { timeout: 60_000, interval: 50 };
const ORDER_MAPPING = 'fc.connect.commercetools.order.order-status-mapping';
const LOOK_BACK = { RECONCILE_INTERVAL: '1', RECONCILE_OVERLAP: '86400' };
/** The admin requests that docs/operations.md has operators send, in their order. */
const REQUESTS = [
  ...readFileSync('docs/operations.md', 'utf8').matchAll(
    /curl (-X POST )?-H "Authorization: Bearer \$ADMIN_TOKEN"[ \\\n]+'?http:\/\/localhost:8081([^\s']+)/g,
  ),
].map(([, post, path = '']) => ({ method: post ? 'POST' : 'GET', path }));
const ADMIN_TOKEN = 'a-token-of-this-spec';
/** The keys that docs/operations.md has operators delete. */
const DONE_MARKS = /--scan --pattern '([^']*)'/.exec(readFileSync('docs/operations.md', 'utf8'))?.[1] ?? '';

it.override('redisOptions', { aof: true });
it.override('environment', { RECHECK_DELAY: '100' });

/** Sends a request of the documentation, with the cause of the letter in place of the example's. */
async function ask(
  { url }: ConnectorProcess,
  request: (typeof REQUESTS)[number] | undefined,
  cause = '',
): Promise<Record<string, unknown>> {
  const { method, path } = request ?? { method: '', path: '' };
  const response = await fetch(url + path.replace('cause=permission', `cause=${cause}`), {
    method,
    headers: { authorization: `Bearer ${ADMIN_TOKEN}` },
  });
  const body = (await response.json()) as Record<string, unknown>;
  expect(response.status, JSON.stringify(body)).toBe(200);
  return body;
}

describe('what docs/operations.md tells operators to do', { timeout: 120_000 }, () => {
  it('lists dead letters with their errors, and replays them', async ({ harness }) => {
    const { fluent, commercetools } = harness;
    const connector = await harness.startConnector({ ORDER_NOT_FOUND_MAX_AGE: '0', ADMIN_TOKEN });
    await fluent.walk(fluent.addOrder({ ref: 'O_1' }).id, ['BOOKED']);
    await vi.waitFor(async () => expect(await connector.metric('queue_jobs', 'state="dead"')).toBe(1), WAIT);
    const [list, preview, replay] = REQUESTS;
    const { deadLetters } = (await ask(connector, list)) as { deadLetters: { cause: string }[] };
    expect(deadLetters).toEqual([expect.objectContaining({ cause: expect.any(String) })]);
    expect(JSON.stringify(deadLetters)).toContain('O_1');
    const cause = deadLetters[0]?.cause;

    commercetools.addOrder({ orderNumber: 'O_1' });
    expect(await ask(connector, preview, cause)).toMatchObject({ matched: 1, replayed: 0 });
    expect(await ask(connector, replay, cause)).toMatchObject({ matched: 1, replayed: 1 });
    await harness.expectAgreement('O_1', 'BOOKED');
    expect(await ask(connector, list)).toMatchObject({ deadLetters: [] });
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
