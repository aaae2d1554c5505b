import { once } from 'node:events';
import { request as httpRequest, type IncomingMessage } from 'node:http';
import { Injectable } from '@nestjs/common';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { NotificationHandler, commercetoolsMessageOf, type FluentNotification } from '../src/index.js';
import {
  PrivateRedis,
  createTestConnector,
  type EmulatedMessage,
  type TestConnector,
  type TestConnectorOptions,
  type TestOrder,
} from '../src/testing/index.js';

const PATH = '/api/v1/commercetools/messages';
const SECRET = 'a-secret-of-some-length';
const patience = { timeout: 15_000, interval: 10 };

/** A partner's own handler of a message type. */
@NotificationHandler('commercetools.ReturnInfoAdded')
@Injectable()
class ReturnHandler {
  static readonly seen: FluentNotification[] = [];

  async handle(notification: FluentNotification): Promise<void> {
    ReturnHandler.seen.push(notification);
    await Promise.resolve();
  }
}

let redis: PrivateRedis;
const open: TestConnector[] = [];
beforeAll(async () => {
  redis = await PrivateRedis.start();
});
afterEach(async () => {
  for (const connector of open.splice(0)) await connector.stop();
});
afterAll(() => redis.stop());

async function start({ env, ...options }: TestConnectorOptions = {}): Promise<TestConnector> {
  const connector = await createTestConnector({
    redisUrl: redis.url,
    commercetools: { messages: { retry: { delaysMs: [20, 50, 100, 200] } } },
    env: { LOOK_AGAIN_DELAY: '50', ...env },
    ...options,
  });
  open.push(connector);
  // Fluent's workflow: cancels, and tells so by a webhook.
  connector.fluent.onEvent('OrderCancel', async ({ body }) => {
    await connector.fluent.move(String(body['entityId']), 'CANCELLED');
  });
  return connector;
}

/** Resolves when nothing is under way on either side. */
async function quietOf(connector: TestConnector): Promise<void> {
  const { commercetools, fluent } = connector;
  for (let before = ''; ;) {
    await commercetools.messages.settled();
    await connector.settled();
    const statuses = fluent.events.map(({ eventStatus }) => eventStatus);
    const now = JSON.stringify([commercetools.messages.counts, fluent.webhooks.counts, statuses]);
    if (now === before && !statuses.includes('PENDING')) return;
    before = now;
  }
}

function cancelEvents({ fluent }: TestConnector): unknown[] {
  return fluent.events.filter(({ name }) => name === 'OrderCancel').map(({ body }) => body);
}

async function metric({ url }: TestConnector, series: string): Promise<number> {
  const text = await (await fetch(`${url}/metrics`)).text();
  const line = text.split('\n').find((each) => each.startsWith(`fluent_connector_${series} `));
  return line === undefined ? Number.NaN : Number(line.slice(line.lastIndexOf(' ')));
}

describe('both directions', () => {
  it('cancel in Fluent what was cancelled in commercetools, once, and come to rest', async () => {
    const connector = await start();
    const { fluent, commercetools } = connector;
    const order = connector.addOrder(
      { ref: 'O_1', type: 'CC', status: 'BOOKED' },
      { orderState: 'Confirmed' },
    );

    commercetools.setStates('O_1', { orderState: 'Cancelled' });
    await vi.waitFor(() => expect(order.fluent.status).toBe('CANCELLED'), patience);
    await quietOf(connector);

    expect(cancelEvents(connector)).toEqual([
      {
        name: 'OrderCancel',
        accountId: fluent.accountId,
        retailerId: fluent.retailerId,
        entityType: 'ORDER',
        entityId: order.fluent.id,
        entityRef: 'O_1',
        entitySubtype: 'CC',
        rootEntityType: 'ORDER',
        attributes: {},
      },
    ]);
    // Fluent's webhook came back and found commercetools in agreement.
    expect(fluent.webhooks.counts).toMatchObject({ accepted: 1, failed: 0 });
    expect(order.commercetools.history.map(({ orderState }) => orderState)).toEqual([
      'Confirmed',
      'Cancelled',
    ]);
    expect(connector.runs.map(({ notification, outcome }) => [notification.name, outcome])).toEqual([
      ['commercetools.OrderStateChanged', 'updated'],
      ['fc.connect.order.webhook.order-status-update', 'unchanged'],
    ]);
    expect(commercetools.messages.counts).toMatchObject({ accepted: 1, failed: 0, attempts: 1 });
    expect(await metric(connector, 'commercetools_messages_total{project="demo",outcome="accepted"}')).toBe(
      1,
    );
  });

  it.each([
    ['names who wrote', true],
    ['does not say who wrote', false],
  ])('send nothing back for what began in Fluent when the message %s', async (_, initiators) => {
    const connector = await start({ commercetools: { messages: { initiators } } });
    const order = connector.addOrder({ ref: 'O_1', status: 'BOOKED' }, { orderState: 'Confirmed' });
    await connector.fluent.move(order.fluent.id, 'CANCELLED');
    await vi.waitFor(() => expect(order.commercetools.orderState).toBe('Cancelled'), patience);
    await vi.waitFor(() => expect(connector.commercetools.messages.counts.accepted).toBe(1), patience);
    await quietOf(connector);
    const [run] = connector.runs.filter(({ notification }) => notification.name.startsWith('commercetools.'));
    expect(run?.outcome).toBe('unchanged');
    expect(cancelEvents(connector)).toEqual([]);
    expect(order.fluent.status).toBe('CANCELLED');
  });

  it.each([
    ['names it', true],
    ['is about the version that is still there', false],
  ])(
    'send nothing back for its own write that Fluent has taken back, when the message %s',
    async (_, named) => {
      const connector = await start();
      const { fluent, commercetools } = connector;
      const order = connector.addOrder({ ref: 'O_1', status: 'BOOKED' });
      // The message is only delivered when Fluent's status no longer tells that it is an echo.
      commercetools.messages.enabled = false;
      await fluent.move(order.fluent.id, 'CANCELLED');
      await vi.waitFor(() => expect(order.commercetools.orderState).toBe('Cancelled'), patience);
      await connector.settled();
      const clientId = commercetools.environment['CTP_CLIENT_ID'];
      const late = commercetools.message('O_1', named ? { createdBy: { clientId } } : {});
      if (named) commercetools.setStates('O_1', { paymentState: 'CreditOwed' });
      fluent.setStatus(order.fluent.id, 'BOOKED');

      expect(await commercetools.messages.send(late)).toMatchObject({ result: 'accepted' });
      await connector.waitForRun({ id: `demo:${late.id}:1` });
      expect(connector.runs.at(-1)).toMatchObject({ outcome: 'unchanged' });
      expect(cancelEvents(connector)).toEqual([]);
    },
  );

  it('do not lose a cancellation that a webhook overwrote before it was worked on', async () => {
    const connector = await start();
    const { fluent, commercetools } = connector;
    const order = connector.addOrder({ ref: 'O_1', status: 'RECEIVED' });
    const message = (): EmulatedMessage =>
      commercetools.message('O_1', { createdBy: { clientId: 'shop', isPlatformClient: false } });
    commercetools.messages.enabled = false;
    commercetools.setStates('O_1', { orderState: 'Cancelled' });
    const late = message();
    await fluent.move(order.fluent.id, 'BOOKED');
    await vi.waitFor(() => expect(order.commercetools.orderState).toBe('Confirmed'), patience);
    await connector.settled();

    await commercetools.messages.send(late);
    await vi.waitFor(() => expect(order.fluent.status).toBe('CANCELLED'), patience);
    await quietOf(connector);
    expect(order.commercetools.orderState).toBe('Cancelled');
    expect(cancelEvents(connector)).toHaveLength(1);
  });

  it('leave an order alone that the shop took up again itself', async () => {
    const connector = await start();
    const { commercetools } = connector;
    connector.addOrder({ ref: 'O_1', status: 'BOOKED' });
    commercetools.messages.enabled = false;
    commercetools.setStates('O_1', { orderState: 'Cancelled' });
    const late = commercetools.message('O_1', { createdBy: { clientId: 'shop' } });
    commercetools.setStates('O_1', { orderState: 'Open' });
    await commercetools.messages.send(late);
    await connector.settled();
    expect(connector.runs.at(-1)).toMatchObject({ outcome: 'unchanged' });
    expect(cancelEvents(connector)).toEqual([]);
  });

  it('send one event for a message that comes again and again', async () => {
    const connector = await start({ commercetools: { messages: { duplicates: 1 } } });
    const { commercetools } = connector;
    const order = connector.addOrder({ ref: 'O_1', status: 'BOOKED' });
    commercetools.messages.enabled = false;
    commercetools.setStates('O_1', { orderState: 'Cancelled' });
    commercetools.messages.enabled = true;
    const message = commercetools.message('O_1');
    commercetools.messages.publish(message);
    await vi.waitFor(() => expect(order.fluent.status).toBe('CANCELLED'), patience);
    await commercetools.messages.send(message);
    await quietOf(connector);
    expect(cancelEvents(connector)).toHaveLength(1);
    expect(commercetools.messages.counts).toMatchObject({ accepted: 1, duplicate: 2, failed: 0 });
    // Also when the queue has forgotten it: Fluent's status tells.
    await commercetools.messages.send({ ...message, id: 'forgotten' });
    await quietOf(connector);
    expect(connector.runs.at(-1)).toMatchObject({ outcome: 'unchanged' });
    expect(cancelEvents(connector)).toHaveLength(1);
  });

  it('ignore other changes of the state', async () => {
    const connector = await start();
    connector.addOrder({ ref: 'O_1', status: 'BOOKED' });
    connector.commercetools.setStates('O_1', { orderState: 'Complete' });
    await connector.waitForRun({ outcome: 'unchanged' });
    expect(cancelEvents(connector)).toEqual([]);
  });

  it('put the prefix of the ref back, and wait for an order that Fluent does not have yet', async () => {
    const connector = await start({ env: { ORDER_REF_PREFIX: 'HD_' } });
    const { fluent, commercetools } = connector;
    commercetools.addOrder({ orderNumber: '7' });
    commercetools.setStates('7', { orderState: 'Cancelled' });
    const { error } = await connector.waitForRun({ outcome: 'retried' });
    expect(error?.message).toContain('there is no order with the ref HD_7 or 7');
    const order = fluent.addOrder({ ref: 'HD_7', status: 'BOOKED' });
    await vi.waitFor(() => expect(order.status).toBe('CANCELLED'), patience);
    await quietOf(connector);
    expect(cancelEvents(connector)).toHaveLength(1);
  });

  it('find the order by its id where the ref is the id', async () => {
    const connector = await start({ env: { ORDER_LOOKUP: 'id' } });
    const { id } = connector.commercetools.addOrder({ orderNumber: 'anything' });
    const order = connector.fluent.addOrder({ ref: id, status: 'BOOKED' });
    connector.commercetools.setStates(id, { orderState: 'Cancelled' });
    await vi.waitFor(() => expect(order.status).toBe('CANCELLED'), patience);
    await quietOf(connector);
  });

  it('tell each retailer of the project, and only the one that has the order does something', async () => {
    const connector = await start({ env: { FLUENT_RETAILER_IDS: '1,2' } });
    const order = connector.addOrder({ ref: 'O_1', status: 'BOOKED', retailerId: '2' });
    connector.fluent.useReferenceMappings('2');
    connector.commercetools.setStates('O_1', { orderState: 'Cancelled' });
    await vi.waitFor(() => expect(order.fluent.status).toBe('CANCELLED'), patience);
    await quietOf(connector);
    expect(cancelEvents(connector)).toMatchObject([{ retailerId: '2' }]);
    const outcomes = connector.runs
      .filter(({ notification }) => notification.name.startsWith('commercetools.'))
      .map(({ notification, outcome }) => `${notification.retailerId} ${outcome}`);
    expect(outcomes.sort()).toEqual(['1 unchanged', '2 updated']);
  });

  it("refuse an order of a retailer that is not this connector's", async () => {
    const connector = await start();
    connector.addOrder({ ref: 'O_1', status: 'BOOKED', retailerId: '9' });
    connector.commercetools.setStates('O_1', { orderState: 'Cancelled' });
    const { error } = await connector.waitForRun({ outcome: 'dead' });
    expect(error?.message).toContain('belongs to retailer 9; add it to FLUENT_RETAILER_IDS');
    expect(cancelEvents(connector)).toEqual([]);
  });

  it('retry while Fluent is down, and keep what cannot be done as a dead letter', async () => {
    const connector = await start();
    const order: TestOrder = connector.addOrder({ ref: 'O_1', status: 'BOOKED' });
    await connector.fluent.down();
    connector.commercetools.setStates('O_1', { orderState: 'Cancelled' });
    await connector.waitForRun({ outcome: 'retried' });
    await connector.fluent.up();
    await vi.waitFor(() => expect(order.fluent.status).toBe('CANCELLED'), { timeout: 40_000, interval: 20 });
    await quietOf(connector);
    expect(cancelEvents(connector)).toHaveLength(1);
  });
});

describe('the ingress', () => {
  let connector: TestConnector;
  let message: EmulatedMessage;
  let bearer: string;

  beforeEach(async () => {
    connector = await start({ handlers: [ReturnHandler], env: { WEBHOOK_BODY_LIMIT: '20000' } });
    connector.addOrder({ ref: 'O_1', status: 'BOOKED' });
    message = connector.commercetools.message('O_1', { orderState: 'Open' });
    bearer = `Bearer ${await connector.commercetools.messages.token()}`;
  });

  interface Posted {
    readonly status: number;
    readonly headers: IncomingMessage['headers'];
    // oxlint-disable-next-line typescript/no-explicit-any
    readonly json: any;
  }

  async function post(
    body: unknown,
    headers: Record<string, string> = { authorization: bearer },
    to = connector,
  ): Promise<Posted> {
    const outgoing = httpRequest(new URL(PATH, to.url), {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...headers },
      agent: false,
    });
    // A server that refuses a body early may close the connection before all of it was written.
    outgoing.on('error', () => undefined);
    outgoing.end(typeof body === 'string' ? body : JSON.stringify(body));
    const [response] = (await once(outgoing, 'response')) as [IncomingMessage];
    const chunks: Buffer[] = [];
    for await (const chunk of response) chunks.push(chunk as Buffer);
    const json: unknown = JSON.parse(Buffer.concat(chunks).toString());
    return { status: response.statusCode ?? 0, headers: response.headers, json };
  }

  function envelope(data: string): object {
    return { message: { data: Buffer.from(data).toString('base64'), messageId: '1' }, subscription: 's' };
  }

  it('accepts messages in the envelope and bare, and knows them again', async () => {
    const { id } = message;
    expect(await post(envelope(JSON.stringify(message)))).toMatchObject({
      status: 200,
      json: { status: 'accepted', id },
    });
    expect(await post(message)).toMatchObject({ status: 200, json: { status: 'duplicate', id } });
  });

  it('acknowledges what nobody wants, so that it does not come again for ever', async () => {
    for (const unwanted of [
      { ...message, type: 'OrderCreated' },
      { ...message, type: 'OrderCreated', projectKey: 'another' },
      {
        notificationType: 'ResourceCreated',
        projectKey: 'demo',
        resource: { typeId: 'subscription', id: 's' },
      },
    ]) {
      expect(await post(unwanted)).toMatchObject({ status: 200, json: { status: 'ignored' } });
    }
    expect(connector.runs).toEqual([]);
    expect(await metric(connector, 'commercetools_messages_total{project="demo",outcome="ignored"}')).toBe(1);
    expect(await metric(connector, 'commercetools_messages_total{project="other",outcome="ignored"}')).toBe(
      2,
    );
  });

  it("runs a partner's handler of a message type like any other", async () => {
    const returned = {
      ...message,
      type: 'ReturnInfoAdded',
      orderState: undefined,
      returnInfo: { items: [] },
    };
    expect(await post(returned)).toMatchObject({ status: 200, json: { status: 'accepted' } });
    await connector.waitForRun({ outcome: 'updated' });
    const [notification] = ReturnHandler.seen;
    expect(notification).toMatchObject({
      name: 'commercetools.ReturnInfoAdded',
      accountId: 'ACME',
      retailerId: '1',
      entityType: 'commercetools.order',
      entityRef: 'O_1',
    });
    expect(commercetoolsMessageOf(notification!)).toMatchObject({
      id: message.id,
      returnInfo: { items: [] },
    });
  });

  it('refuses a message of another project', async () => {
    expect(await post({ ...message, projectKey: 'another' })).toMatchObject({
      status: 403,
      json: { detail: 'the project of the message is not configured' },
    });
  });

  it.each<[string, () => Promise<Record<string, string>>]>([
    ['no token', () => Promise.resolve({})],
    ['a secret that is not configured', () => Promise.resolve({ 'x-connector-secret': SECRET })],
    ['another audience', async () => bearerWith({ aud: 'somebody-else' })],
    ['another issuer', async () => bearerWith({ iss: 'https://accounts.google.com' })],
    ['an expired token', async () => bearerWith({ exp: 1 })],
    ['another account', async () => bearerWith({ email: 'attacker@example.com' })],
  ])('answers %s with one and the same 401', async (_, headers) => {
    const answer = await post(message, await headers());
    expect(answer.status).toBe(401);
    expect(answer.headers['content-type']).toBe('application/problem+json');
    expect(answer.json).toEqual({
      type: 'about:blank',
      title: 'Unauthorized',
      status: 401,
      detail: 'the request does not come from the configured push service',
    });
    expect(connector.runs).toEqual([]);
    expect(
      await metric(connector, 'commercetools_messages_total{project="other",outcome="unauthorized"}'),
    ).toBe(1);
    expect(await metric(connector, 'webhooks_total{account="other",outcome="unauthorized"}')).toBe(0);
  });

  async function bearerWith(claims: Record<string, unknown>): Promise<Record<string, string>> {
    return { authorization: `Bearer ${await connector.commercetools.messages.token(claims)}` };
  }

  it.each<[string, number, () => unknown, Record<string, string>?]>([
    ['a body that is not JSON', 400, () => 'hello'],
    ['a body that is no object', 400, () => '[]'],
    ['data that is no Base64', 400, () => ({ message: { data: '***' } })],
    ['data that is no JSON', 400, () => envelope('hello')],
    ['data that nests for ever', 400, () => envelope('['.repeat(9000))],
    ['what is no message', 400, () => ({ hello: 'world' })],
    ['a huge body', 413, () => ({ ...message, padding: 'x'.repeat(30_000) })],
    ['another type of body', 415, () => message, { 'content-type': 'text/plain' }],
  ])('refuses %s with %i', async (_, status, body, headers) => {
    const answer = await post(body(), { authorization: bearer, ...headers });
    expect(answer).toMatchObject({ status, json: { status } });
    expect(await metric(connector, 'commercetools_messages_total{project="other",outcome="invalid"}')).toBe(
      1,
    );
  });

  it('looks at nothing of a body whose sender it does not know', async () => {
    expect(await post({ hello: 'world' }, {})).toMatchObject({ status: 401 });
  });

  it('asks for the message again while the key set cannot be had', async () => {
    const fresh = await start();
    const token = await fresh.commercetools.messages.token();
    await fresh.commercetools.down();
    const answer = await post(message, { authorization: `Bearer ${token}` }, fresh);
    expect(answer).toMatchObject({ status: 503, headers: { 'retry-after': '10' } });
  });

  it('accepts a secret where that is configured, and has no route where nothing is', async () => {
    const secret = await start({ commercetools: { messages: { secret: SECRET } } });
    secret.addOrder({ ref: 'O_1', status: 'BOOKED' });
    expect(await post(message, { 'x-connector-secret': SECRET }, secret)).toMatchObject({ status: 200 });
    expect(await post(message, { 'x-connector-secret': `${SECRET}!` }, secret)).toMatchObject({
      status: 401,
    });
    expect(await post(message, { authorization: bearer }, secret)).toMatchObject({ status: 401 });

    const off = await start({ commercetools: {} });
    expect(await post(message, { authorization: bearer }, off)).toMatchObject({ status: 404 });
  });

  it('asks for the message again while Redis is away, and loses nothing', async () => {
    const own = await PrivateRedis.start({ aof: true });
    try {
      const away = await start({ env: { REDIS_URL: own.url } });
      const order = away.addOrder({ ref: 'O_1', status: 'BOOKED' });
      const token = `Bearer ${await away.commercetools.messages.token()}`;
      await own.kill();
      const answer = await post(away.commercetools.message('O_1'), { authorization: token }, away);
      expect(answer).toMatchObject({ status: 503, headers: { 'retry-after': '5' } });
      away.commercetools.setStates('O_1', { orderState: 'Cancelled' });
      await own.restart();
      await vi.waitFor(() => expect(order.fluent.status).toBe('CANCELLED'), {
        timeout: 30_000,
        interval: 20,
      });
      await quietOf(away);
      await away.stop();
    } finally {
      await own.stop();
    }
  });
});
