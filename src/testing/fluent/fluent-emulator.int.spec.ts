import { createPublicKey, verify } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import {
  EmulatorSession,
  fluentPasswordGrant,
  postForm,
  readAnswer,
} from '../../../test/support/emulator-session.js';
import { type LocalServer, startLocalServer } from '../../../test/support/local-server.js';
import { SeededRandom } from '../seeded-random.js';
import { FluentEmulator, type FluentEmulatorOptions } from './fluent-emulator.js';
import { REFERENCE_MAPPINGS, REFERENCE_WORKFLOWS } from './reference-data.js';
import { WAIT } from '../../../test/support/wait.js';

let fluent: FluentEmulator;
let session: EmulatorSession;

async function startFluent(options?: FluentEmulatorOptions): Promise<void> {
  await fluent?.stop();
  fluent = await new FluentEmulator(options).start();
  session = EmulatorSession.forFluent(fluent);
}

beforeEach(() => startFluent());
afterEach(() => fluent.stop());

describe('OAuth', () => {
  const tokenOf = (form: Record<string, string>) =>
    postForm(`${fluent.url}/oauth/token`, form).then(readAnswer);

  it('gives a bearer token for the right password grant', async () => {
    const { status, json } = await tokenOf(fluentPasswordGrant(fluent));
    expect(status).toBe(200);
    expect(json).toEqual({
      access_token: expect.any(String),
      token_type: 'bearer',
      expires_in: 86_386,
      scope: 'api',
    });
  });

  it.each(['username', 'password', 'client_id', 'client_secret'])('refuses a wrong %s', async (field) => {
    const { status, json } = await tokenOf({ ...fluentPasswordGrant(fluent), [field]: 'wrong' });
    expect(status).toBe(401);
    expect(json.error).toMatch(/^invalid_(client|grant)$/);
  });

  it('lets a refresh token work once', async () => {
    await startFluent({ refreshTokens: true });
    const grant = fluentPasswordGrant(fluent);
    const { json: first } = await tokenOf(grant);
    expect(first).toMatchObject({ expires_in: 1800, refresh_token: expect.any(String) });
    const refresh = { ...grant, grant_type: 'refresh_token', refresh_token: first.refresh_token };
    expect((await tokenOf(refresh)).status).toBe(200);
    expect((await tokenOf(refresh)).status).toBe(401);
  });

  it('refuses GraphQL without a token, with an unknown one, and with an expired one', async () => {
    let now = 1_700_000_000_000;
    await startFluent({ tokenLifetimeSeconds: 60, now: () => now });
    expect((await session.post('{"query":"{me{id}}"}', '')).status).toBe(401);
    expect((await session.post('{"query":"{me{id}}"}', 'bearer unknown')).status).toBe(401);
    expect((await session.graphql('{me{id}}')).status).toBe(200);
    now += 60_000;
    const expired = await session.graphql('{me{id}}');
    expect(expired).toMatchObject({ status: 401, json: { error: 'invalid_token' } });
    await session.token();
    expect((await session.graphql('{me{id}}')).status).toBe(200);
  });
});

describe('orders', () => {
  const FIELDS = 'id ref type status updatedOn retailer { id } attributes { name type value }';

  it('reads an order by id and by ref, and gives null for what is not there', async () => {
    const attributes = [{ name: 'key', type: 'STRING', value: 'K-1' }];
    const { id } = fluent.addOrder({ ref: 'O_1', retailerId: '7', status: 'BOOKED', attributes });
    const { json } = await session.graphql(
      `query ($id: ID!) { byId: orderById(id: $id) { ${FIELDS} } order(ref: "O_1") { id } none: orderById(id: "0") { id } }`,
      { id },
    );
    expect(json.data).toMatchObject({
      byId: { id, ref: 'O_1', type: 'HD', status: 'BOOKED', retailer: { id: '7' }, attributes },
      order: { id },
      none: null,
    });
  });

  it('records every status and moves updatedOn', async () => {
    let now = Date.parse('2026-01-01T00:00:00Z');
    await startFluent({ now: () => now });
    const order = fluent.addOrder({ ref: 'O_1' });
    now += 1000;
    fluent.setStatus(order.id, 'BOOKED');
    expect(order).toMatchObject({ status: 'BOOKED', updatedOn: '2026-01-01T00:00:01.000Z' });
    expect(order.history).toEqual([
      { status: 'RECEIVED', at: now - 1000, by: 'rule' },
      { status: 'BOOKED', at: now, by: 'rule' },
    ]);
  });

  it('pages through the orders updated in a range, each once', async () => {
    let now = Date.parse('2026-01-01T00:00:00Z');
    await startFluent({ now: () => now });
    const orders = Array.from({ length: 25 }, (_, number) => fluent.addOrder({ ref: `O_${number}` }));
    now += 60_000;
    for (const { id } of orders.slice(2)) fluent.setStatus(id, 'BOOKED');
    const query = `query ($from: DateTime, $first: Int, $after: String) {
      orders(updatedOn: { from: $from }, first: $first, after: $after) {
        edges { cursor node { ref } } pageInfo { hasNextPage hasPreviousPage }
      }
    }`;
    const from = '2026-01-01T00:01:00+00:00';
    const refs: string[] = [];
    let after: string | undefined;
    let pages = 0;
    for (let more = true; more; pages += 1) {
      const { edges, pageInfo } = (await session.graphql(query, { from, after })).json.data.orders;
      refs.push(...edges.map(({ node }: { node: { ref: string } }) => node.ref));
      expect(pageInfo.hasPreviousPage).toBe(pages > 0);
      after = edges.at(-1).cursor;
      more = pageInfo.hasNextPage;
    }
    expect(pages).toBe(3);
    expect(refs).toEqual(orders.slice(2).map(({ ref }) => ref));
  });

  it('pages backwards', async () => {
    for (let number = 0; number < 5; number += 1) fluent.addOrder({ ref: `O_${number}` });
    const query = `query ($before: String) { orders(last: 2, before: $before) { edges { cursor node { ref } } } }`;
    const last = (await session.graphql(query)).json.data.orders.edges;
    expect(last.map(({ node }: { node: { ref: string } }) => node.ref)).toEqual(['O_3', 'O_4']);
    const before = (await session.graphql(query, { before: last[0].cursor })).json.data.orders.edges;
    expect(before.map(({ node }: { node: { ref: string } }) => node.ref)).toEqual(['O_1', 'O_2']);
  });
});

describe('settings', () => {
  const QUERY = `query ($name: [String], $context: [String!], $contextId: [Int!], $first: Int) {
    settings(name: $name, context: $context, contextId: $contextId, first: $first) {
      edges { node { name valueType value lobValue context contextId } }
      pageInfo { hasNextPage }
    }
  }`;

  it('filters by name, context and context id, each on its own', async () => {
    fluent.setSetting({ name: 'a', lobValue: { x: 1 }, context: 'RETAILER', contextId: 1 });
    fluent.setSetting({ name: 'a', value: 'text', context: 'ACCOUNT' });
    fluent.setSetting({ name: 'b', value: 'other' });
    const { json } = await session.graphql(QUERY, {
      name: ['a'],
      context: ['RETAILER', 'ACCOUNT'],
      contextId: [0, 1],
    });
    expect(json.data.settings.edges.map(({ node }: { node: object }) => node)).toEqual([
      { name: 'a', valueType: 'JSON', value: null, lobValue: { x: 1 }, context: 'RETAILER', contextId: 1 },
      { name: 'a', valueType: 'STRING', value: 'text', lobValue: null, context: 'ACCOUNT', contextId: 0 },
    ]);
  });

  it('ends a list at 10 without first, and refuses more than 500', async () => {
    for (let number = 0; number < 12; number += 1) fluent.setSetting({ name: `s${number}`, value: '' });
    const { settings } = (await session.graphql(QUERY)).json.data;
    expect(settings.edges).toHaveLength(10);
    expect(settings.pageInfo.hasNextPage).toBe(true);
    expect((await session.graphql(QUERY, { first: 501 })).json.errors[0].extensions.code).toMatch(
      /^C\d{4}E$/,
    );
  });

  it('replaces and removes by name and context', () => {
    fluent.useReferenceMappings();
    const [name = ''] = Object.keys(REFERENCE_MAPPINGS);
    const before = fluent.setSetting({ name, value: 'replaced' });
    expect(fluent.setSetting({ name, value: 'again' }).id).toBe(before.id);
    expect(fluent.removeSetting(name, 'ACCOUNT')).toBe(false);
    expect(fluent.removeSetting(name)).toBe(true);
    expect(fluent.removeSetting(name)).toBe(false);
  });
});

describe('limits and errors', () => {
  it('answers 200 with a code for an invalid document and a wrong variable', async () => {
    for (const [query, variables] of [
      ['{ nothing }', {}],
      ['{ orderById(', {}],
      ['query ($id: ID!) { orderById(id: $id) { id } }', {}],
      [
        'query ($from: DateTime) { orders(updatedOn: { from: $from }) { edges { cursor } } }',
        { from: 'today' },
      ],
    ] as const) {
      const { status, json } = await session.graphql(query, variables);
      expect(status).toBe(200);
      expect(json.data).toBeNull();
      expect(json.errors[0].extensions.code).toMatch(/^C\d{4}E$/);
    }
  });

  it('refuses a query that is too complex, also when a variable makes it so', async () => {
    const query = `query ($first: Int) { orders(first: $first) { edges { node { ${Array.from({ length: 30 }, (_, i) => `f${i}: id`).join(' ')} } } } }`;
    expect((await session.graphql(query, { first: 300 })).json.errors).toBeUndefined();
    const { json } = await session.graphql(query, { first: 500 });
    expect(json.errors[0].message).toContain('complexity');
  });

  it('refuses a body over 2 MB with 413, and other bad requests with 4xx', async () => {
    await session.token();
    expect((await session.post('x'.repeat(2 * 1024 * 1024 + 1))).status).toBe(413);
    expect((await session.post('{')).status).toBe(400);
    expect((await session.post('{"query":1}')).status).toBe(400);
    expect((await session.post('{"query":"{me{id}}","variables":[]}')).status).toBe(400);
    expect((await fetch(`${fluent.url}/elsewhere`)).status).toBe(404);
  });

  it('counts what was asked, by operation and root field, and keeps only the latest', async () => {
    await startFluent({ requestLogSize: 2 });
    for (const id of ['1', '2', '3'])
      await session.graphql('query Q($id: ID!) { alias: orderById(id: $id) { id } }', { id });
    expect(fluent.requests.counts).toEqual({ token: 1, graphql: 3, orderById: 3 });
    expect(fluent.requests.recent('orderById').map(({ variables }) => variables)).toEqual([
      { id: '2' },
      { id: '3' },
    ]);
    expect(fluent.requests.recent()[0]).toMatchObject({ operationName: 'Q', status: 200, mutation: false });
  });
});

const CREATE_ORDER = `mutation ($ref: String!) {
  createOrder(input: { ref: $ref, type: "HD", retailer: { id: "1" }, customer: { id: "1" }, items: [] }) { id ref status }
}`;

describe('webhooks', () => {
  let receiver: LocalServer;
  beforeEach(async () => {
    receiver = await startLocalServer(() => ({ json: { status: 'accepted' } }));
    fluent.webhookUrl = receiver.url;
  });
  afterEach(() => receiver[Symbol.asyncDispose]());

  const received = (): Record<string, unknown>[] => receiver.requests.map(({ body }) => JSON.parse(body));

  it('are signed over their bytes and name the order', async () => {
    const { id } = fluent.addOrder({ ref: 'O_1' });
    expect(await fluent.move(id, 'BOOKED')).toEqual({ result: 'accepted', status: 200, attempts: 1 });
    const { body = '', headers } = receiver.requests[0] ?? {};
    expect(JSON.parse(body)).toMatchObject({
      id: expect.any(String),
      name: 'fc.connect.order.webhook.order-status-update',
      accountId: 'ACME',
      retailerId: '1',
      entityId: id,
      entityRef: 'O_1',
      entityType: 'ORDER',
      entityStatus: 'BOOKED',
    });
    const key = createPublicKey({
      key: Buffer.from(fluent.webhookKeys.publicKey, 'base64'),
      format: 'der',
      type: 'spki',
    });
    const signature = Buffer.from(String(headers?.['fluent-signature']), 'base64');
    expect(verify('sha512', Buffer.from(body), key, signature)).toBe(true);
  });

  it('follow the creation of an order, which is answered CREATED before the workflow moves it on', async () => {
    const { json } = await session.graphql(CREATE_ORDER, { ref: 'HD_1' });
    expect(json.data.createOrder).toMatchObject({ ref: 'HD_1', status: 'CREATED' });
    await expect.poll(received, WAIT).toMatchObject([{ entityRef: 'HD_1', entityStatus: 'RECEIVED' }]);
    const { id } = json.data.createOrder;
    expect(fluent.order(id)?.history.map(({ status }) => status)).toEqual(['CREATED', 'RECEIVED']);
  });

  it('do not follow the creation of an order whose workflow is switched off', async () => {
    await startFluent({ webhookUrl: receiver.url, firstStatus: 'CREATED' });
    const { json } = await session.graphql(CREATE_ORDER, { ref: 'HD_1' });
    // What is asked next is answered after whatever the creation has set in motion.
    await session.graphql('{ me { id } }');
    expect(fluent.order(json.data.createOrder.id)?.history).toHaveLength(1);
    expect(receiver.requests).toEqual([]);
  });

  it('are sent again with the same bytes until they are accepted', async () => {
    await startFluent({ webhookUrl: receiver.url, webhookRetry: { delaysMs: [0, 1] } });
    const statuses = [503, 500, 200];
    receiver.respond = () => ({ status: statuses.shift(), json: { status: 'duplicate' } });
    const { id } = fluent.addOrder({ ref: 'O_1' });
    expect(await fluent.notify(id)).toEqual({ result: 'duplicate', status: 200, attempts: 3 });
    expect(new Set(receiver.requests.map(({ body }) => body)).size).toBe(1);
    expect(fluent.webhooks.counts).toEqual({ accepted: 0, duplicate: 1, ignored: 0, failed: 0, attempts: 3 });
  });

  it('give up after the last attempt, and at once on a refusal', async () => {
    await startFluent({ webhookUrl: receiver.url, webhookRetry: { delaysMs: [0] } });
    const { id } = fluent.addOrder({ ref: 'O_1' });
    receiver.respond = () => ({ status: 503, text: 'not now' });
    expect(await fluent.notify(id)).toEqual({
      result: 'failed',
      status: 503,
      attempts: 2,
      reason: 'not now',
    });
    receiver.respond = () => ({ status: 401, text: 'who' });
    expect(await fluent.notify(id)).toMatchObject({ result: 'failed', status: 401, attempts: 1 });
    receiver.respond = () => (response) => response.destroy();
    expect(await fluent.notify(id)).toMatchObject({ result: 'failed', status: undefined, attempts: 2 });
  });

  it('do not keep stop() waiting for the next attempt', async () => {
    await startFluent({ webhookUrl: receiver.url, webhookRetry: { delaysMs: [3_600_000] } });
    receiver.respond = () => ({ status: 503 });
    const outcome = fluent.notify(fluent.addOrder({ ref: 'O_1' }).id);
    await vi.waitFor(() => expect(fluent.webhooks.counts.attempts).toBe(1), WAIT);
    await fluent.stop();
    expect(await outcome).toMatchObject({ result: 'failed' });
  });

  it('accompany a walk through the workflow, one for each step', async () => {
    const order = fluent.addOrder({ ref: 'O_1' });
    const result = await fluent.walk(order.id);
    expect(result).toMatchObject({ steps: 5, dropped: 0 });
    expect(order.history.map(({ status }) => status)).toEqual(REFERENCE_WORKFLOWS.homeDelivery);
    expect(
      received()
        .map(({ entityStatus }) => String(entityStatus))
        .sort(),
    ).toEqual(REFERENCE_WORKFLOWS.homeDelivery.slice(1).sort());
  });

  it('are dropped, doubled, late or early as a walk is told, and the same seed does the same', async () => {
    const walk = async (options: Parameters<FluentEmulator['walk']>[2]): Promise<string[]> => {
      const { id } = fluent.addOrder({ ref: 'O_1' });
      receiver.requests.length = 0;
      await fluent.walk(id, ['A', 'B', 'C', 'D'], { random: new SeededRandom(5), ...options });
      expect(fluent.order(id)?.status).toBe('D');
      return received()
        .map(({ entityStatus }) => String(entityStatus))
        .sort();
    };
    expect(await walk({ drops: 1 })).toEqual([]);
    expect(await walk({ duplicates: 1 })).toEqual(['A', 'A', 'B', 'B', 'C', 'C', 'D', 'D']);
    expect(await walk({ reorders: 1 })).toEqual(['A', 'B', 'C', 'D']);
    const mixed = { drops: 0.3, duplicates: 0.3, reorders: 0.3, overtakes: 0.3 };
    expect(await walk(mixed)).toEqual(await walk(mixed));
  });

  it('overtake the write when told to', async () => {
    const { id } = fluent.addOrder({ ref: 'O_1' });
    const seen: unknown[] = [];
    receiver.respond = ({ body }) => {
      seen.push([JSON.parse(body).entityStatus, fluent.order(id)?.status]);
      return { json: {} };
    };
    await fluent.walk(id, ['BOOKED', 'COMPLETE'], { overtakes: 1 });
    expect(seen).toEqual([
      ['BOOKED', 'RECEIVED'],
      ['COMPLETE', 'BOOKED'],
    ]);
  });

  it('can be asked for over HTTP', async () => {
    const { id } = fluent.addOrder({ ref: 'O_1' });
    const move = (body: string, order = id) =>
      fetch(`${fluent.url}/emulator/orders/${order}/status`, { method: 'POST', body }).then(readAnswer);
    expect(await move('{"status":"BOOKED"}')).toMatchObject({
      status: 200,
      json: { id, ref: 'O_1', status: 'BOOKED', webhook: { result: 'accepted' } },
    });
    expect((await move('{"status":" "}')).status).toBe(400);
    expect((await move('{"status":"BOOKED"}', 'unknown')).status).toBe(404);
    const list = await fetch(`${fluent.url}/emulator/orders`).then(readAnswer);
    expect(list.json).toEqual([expect.objectContaining({ id, status: 'BOOKED' })]);
  });
});
