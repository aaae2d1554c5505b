import { describe, expect } from 'vitest';
import type { TestConnector } from '../src/testing/index.js';
import { ADMIN_TOKEN, AdminClient } from './support/admin-client.js';
import { it } from './support/harness.js';

const STATUS_UPDATE = 'fc.connect.order.webhook.status-update';

interface Letter {
  readonly id: string;
  readonly cause: string;
  readonly order?: { readonly ref?: string };
}

interface Page {
  readonly total: number;
  readonly deadLetters: readonly Letter[];
  readonly next?: string;
}

/** A connector with dead letters of `count` orders that commercetools does not have. */
async function withLetters(
  start: (options: object) => Promise<TestConnector>,
  count: number,
): Promise<{ connector: TestConnector; admin: AdminClient }> {
  const connector = await start({ env: { ADMIN_TOKEN, ORDER_NOT_FOUND_MAX_AGE: '0' } });
  for (let index = 1; index <= count; index++) {
    const { id } = connector.fluent.addOrder({ ref: `O_${index}` });
    await connector.send({
      name: STATUS_UPDATE,
      entityId: id,
      entityRef: `O_${index}`,
      attributes: { mail: 'a@b.c' },
    });
    await connector.settled();
  }
  return { connector, admin: new AdminClient(connector.url) };
}

describe('dead letters', () => {
  it('are listed newest first, page by page, with cause and advice, and without personal data', async ({
    startTestConnector,
  }) => {
    const { admin } = await withLetters(startTestConnector, 3);
    const first = await admin.get<Page>('/dead-letters?limit=2');
    expect(first.body.total).toBe(3);
    expect(first.body.deadLetters.map(({ order }) => order?.ref)).toEqual(['O_3', 'O_2']);
    expect(first.body.deadLetters[0]).toMatchObject({ cause: 'data', name: STATUS_UPDATE, account: 'ACME' });
    expect(JSON.stringify(first.body)).not.toContain('a@b.c');
    const rest = await admin.get<Page>(`/dead-letters?limit=2&after=${first.body.next}`);
    expect(rest.body.deadLetters.map(({ order }) => order?.ref)).toEqual(['O_1']);
    expect(rest.body.next).toBeUndefined();
    const one = await admin.get<Letter>(`/dead-letters/${rest.body.deadLetters[0]?.id}`);
    expect(one.body).toEqual(rest.body.deadLetters[0]);
  });

  it('are filtered by order, account, cause, error, name and time', async ({ startTestConnector }) => {
    const { admin } = await withLetters(startTestConnector, 2);
    for (const [filter, count] of [
      ['order=O_2', 1],
      ['account=ACME', 2],
      ['account=OTHER', 0],
      ['cause=data', 2],
      ['cause=permission', 0],
      ['error=OrderNotFoundError', 2],
      [`name=${STATUS_UPDATE}`, 2],
      ['diedAfter=2100-01-01T00:00:00Z', 0],
      ['diedBefore=2100-01-01T00:00:00Z', 2],
    ] as const) {
      const { body } = await admin.get<Page>(`/dead-letters?${filter}`);
      expect(body.deadLetters, filter).toHaveLength(count);
    }
  });

  it('are counted by a dry run, and replayed by the same filter', async ({ startTestConnector }) => {
    const { connector, admin } = await withLetters(startTestConnector, 2);
    connector.commercetools.addOrder({ orderNumber: 'O_2' });
    const preview = await admin.post('/dead-letters/replay?order=O_2&dryRun=true');
    expect(preview.body).toMatchObject({ matched: 1, replayed: 0, byCause: { data: 1 } });
    expect((await connector.queue.counts()).dead).toBe(2);
    const done = await admin.post('/dead-letters/replay?order=O_2&reason=imported+now');
    expect(done.body).toMatchObject({ matched: 1, replayed: 1 });
    await connector.settled();
    expect((await admin.get<Page>('/dead-letters')).body.deadLetters.map(({ order }) => order?.ref)).toEqual([
      'O_1',
    ]);
  });

  it('are never replayed all because a filter was forgotten or mistyped', async ({ startTestConnector }) => {
    const { connector, admin } = await withLetters(startTestConnector, 1);
    expect((await admin.post('/dead-letters/replay')).status).toBe(400);
    expect((await admin.post('/dead-letters/replay?all=true&ordr=O_9')).status).toBe(400);
    expect((await connector.queue.counts()).dead).toBe(1);
  });

  it('are replayed and discarded one by one, and discarding needs a reason', async ({
    startTestConnector,
  }) => {
    const { connector, admin } = await withLetters(startTestConnector, 2);
    connector.commercetools.addOrder({ orderNumber: 'O_2' });
    const [second, first] = (await admin.get<Page>('/dead-letters')).body.deadLetters;
    expect((await admin.post(`/dead-letters/${second?.id}/replay`)).body).toEqual({ replayed: true });
    await connector.waitForRun({ outcome: 'updated' });
    expect((await admin.post(`/dead-letters/${second?.id}/replay`)).status).toBe(404);
    expect((await admin.delete(`/dead-letters/${first?.id}`)).status).toBe(400);
    expect((await admin.delete(`/dead-letters/${first?.id}?reason=never+comes`)).body).toEqual({
      discarded: true,
    });
    expect((await connector.queue.counts()).dead).toBe(0);
  });
});
