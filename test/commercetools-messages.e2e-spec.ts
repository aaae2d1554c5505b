import { once } from 'node:events';
import { request as httpRequest, type IncomingMessage } from 'node:http';
import { Injectable, Logger } from '@nestjs/common';
import { describe, expect, vi } from 'vitest';
import {
  MessageRouter,
  NotificationHandler,
  OrderLookup,
  OrderReferenceResolver,
  commercetoolsMessageOf,
  type FluentNotification,
} from '../src/index.js';
import {
  PrivateRedis,
  createTestConnector,
  type EmulatedMessage,
  type TestConnector,
  type TestConnectorOptions,
  type TestOrder,
} from '../src/testing/index.js';
import { it as base } from './support/harness.js';
import { WAIT } from './support/wait.js';

const PATH = '/api/v1/commercetools/messages';
const SECRET = 'a-secret-of-some-length';

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

const it = base
  .extend('start', async ({ startTestConnector }) => {
    return async ({ env, ...options }: TestConnectorOptions = {}): Promise<TestConnector> => {
      const connector = await startTestConnector({
        commercetools: { messages: { retry: { delaysMs: [20, 50, 100, 200] } } },
        env: { RECHECK_DELAY: '50', ...env },
        ...options,
      });
      // Fluent's workflow: cancels, and sends a webhook about it.
      connector.fluent.onEvent('OrderCancel', async ({ body }) => {
        await connector.fluent.move(String(body['entityId']), 'CANCELLED');
      });
      return connector;
    };
  })
  /** A Redis that a test may kill. */
  .extend('ownRedis', async ({}, { onCleanup }) => {
    const server = await PrivateRedis.start({ aof: true });
    onCleanup(() => server.stop());
    return server;
  })
  .extend('endpointConnector', { scope: 'file' }, async ({ redisServer, webhookKeys }, { onCleanup }) => {
    const connector = await createTestConnector({
      redisUrl: redisServer.url,
      fluent: { webhookKeys },
      commercetools: { messages: {} },
      handlers: [ReturnHandler],
      env: { WEBHOOK_BODY_LIMIT: '20000' },
    });
    onCleanup(() => connector.stop());
    connector.addOrder({ ref: 'O_1', status: 'BOOKED' });
    return connector;
  })
  /** All tests of the endpoint share a connector at rest; what they count is what they added. */
  .extend('endpoint', async ({ endpointConnector: connector }) => {
    await connector.settled();
    const before = await counters(connector);
    const runsBefore = connector.runs.length;
    const bearer = `Bearer ${await connector.commercetools.messages.token()}`;
    return {
      connector,
      bearer,
      message: connector.commercetools.message('O_1', { orderState: 'Open' }),
      post: (body: unknown, headers: Record<string, string> = { authorization: bearer }) =>
        postTo(connector, body, headers),
      newRuns: () => connector.runs.slice(runsBefore),
      increase: async (series: string) =>
        ((await counters(connector)).get(series) ?? Number.NaN) - (before.get(series) ?? Number.NaN),
    };
  });

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

/** @returns the value of each series, whose name has no prefix. */
async function counters({ url }: TestConnector): Promise<Map<string, number>> {
  const lines = (await (await fetch(`${url}/metrics`)).text()).split('\n');
  return new Map(
    lines
      .filter((line) => line.startsWith('fluent_connector_'))
      .map((line) => {
        const [, series = '', value] = /^fluent_connector_(.*) (\S+)$/.exec(line) ?? [];
        return [series, Number(value)];
      }),
  );
}

/** @returns the series that counts the messages of a project with an outcome. */
function messages(project: string, outcome: string): string {
  return `commercetools_messages_total{project="${project}",outcome="${outcome}"}`;
}

describe('cancellations', () => {
  it('travel once from commercetools to Fluent and come to rest', async ({ start }) => {
    const connector = await start();
    const { fluent, commercetools } = connector;
    const order = connector.addOrder(
      { ref: 'O_1', type: 'CC', status: 'BOOKED' },
      { orderState: 'Confirmed', paymentState: 'Paid', shipmentState: 'Pending' },
    );

    commercetools.setStates('O_1', { orderState: 'Cancelled' });
    await vi.waitFor(() => expect(order.fluent.status).toBe('CANCELLED'), WAIT);
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
    expect((await counters(connector)).get(messages('demo', 'accepted'))).toBe(1);
  });

  it.for([
    ['names who wrote', true],
    ['does not say who wrote', false],
  ] as const)(
    'are not sent back to Fluent where they began, when the message %s',
    async ([, initiators], { start }) => {
      const connector = await start({ commercetools: { messages: { initiators } } });
      const order = connector.addOrder({ ref: 'O_1', status: 'BOOKED' }, { orderState: 'Confirmed' });
      await connector.fluent.move(order.fluent.id, 'CANCELLED');
      await vi.waitFor(() => expect(order.commercetools.orderState).toBe('Cancelled'), WAIT);
      await vi.waitFor(() => expect(connector.commercetools.messages.counts.accepted).toBe(1), WAIT);
      await quietOf(connector);
      const [run] = connector.runs.filter(({ notification }) =>
        notification.name.startsWith('commercetools.'),
      );
      expect(run?.outcome).toBe('unchanged');
      expect(cancelEvents(connector)).toEqual([]);
      expect(order.fluent.status).toBe('CANCELLED');
    },
  );

  it.for([
    ['names it', true],
    ['is about the version that is still there', false],
  ] as const)(
    'that the connector wrote and Fluent has taken back are not sent to Fluent, when the message %s',
    async ([, named], { start }) => {
      const connector = await start();
      const { fluent, commercetools } = connector;
      const order = connector.addOrder({ ref: 'O_1', status: 'BOOKED' });
      // The message is only delivered when Fluent's status no longer tells that it is an echo.
      commercetools.messages.enabled = false;
      await fluent.move(order.fluent.id, 'CANCELLED');
      await vi.waitFor(() => expect(order.commercetools.orderState).toBe('Cancelled'), WAIT);
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

  it('are not lost when a webhook overwrites them before they are processed', async ({ start }) => {
    const connector = await start();
    const { fluent, commercetools } = connector;
    const order = connector.addOrder({ ref: 'O_1', status: 'RECEIVED' });
    const message = (): EmulatedMessage =>
      commercetools.message('O_1', { createdBy: { clientId: 'shop', isPlatformClient: false } });
    commercetools.messages.enabled = false;
    commercetools.setStates('O_1', { orderState: 'Cancelled' });
    const late = message();
    await fluent.move(order.fluent.id, 'BOOKED');
    await vi.waitFor(() => expect(order.commercetools.orderState).toBe('Confirmed'), WAIT);
    await connector.settled();

    await commercetools.messages.send(late);
    await vi.waitFor(() => expect(order.fluent.status).toBe('CANCELLED'), WAIT);
    await quietOf(connector);
    expect(order.commercetools.orderState).toBe('Cancelled');
    expect(cancelEvents(connector)).toHaveLength(1);
  });

  it('are dropped when the shop has reopened the order', async ({ start }) => {
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

  it('cause one event although the message is repeated', async ({ start }) => {
    const connector = await start({ commercetools: { messages: { duplicates: 1 } } });
    const { commercetools } = connector;
    const order = connector.addOrder({ ref: 'O_1', status: 'BOOKED' });
    commercetools.messages.enabled = false;
    commercetools.setStates('O_1', { orderState: 'Cancelled' });
    commercetools.messages.enabled = true;
    const message = commercetools.message('O_1');
    commercetools.messages.publish(message);
    await vi.waitFor(() => expect(order.fluent.status).toBe('CANCELLED'), WAIT);
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

  it('are the only changes of the state that cause an event', async ({ start }) => {
    const connector = await start();
    connector.addOrder({ ref: 'O_1', status: 'BOOKED' });
    connector.commercetools.setStates('O_1', { orderState: 'Complete' });
    await connector.waitForRun({ outcome: 'unchanged' });
    expect(cancelEvents(connector)).toEqual([]);
  });

  it('find the order by its ref with the prefix, and wait until Fluent has it', async ({ start }) => {
    const connector = await start({ env: { ORDER_REF_PREFIX: 'HD_' } });
    const { fluent, commercetools } = connector;
    commercetools.addOrder({ orderNumber: '7' });
    commercetools.setStates('7', { orderState: 'Cancelled' });
    const { error } = await connector.waitForRun({ outcome: 'retried' });
    expect(error?.message).toContain('there is no order with the ref HD_7 or 7');
    const order = fluent.addOrder({ ref: 'HD_7', status: 'BOOKED' });
    await vi.waitFor(() => expect(order.status).toBe('CANCELLED'), WAIT);
    await quietOf(connector);
    expect(cancelEvents(connector)).toHaveLength(1);
  });

  it('find the order by its id when ORDER_LOOKUP is id', async ({ start }) => {
    const connector = await start({ env: { ORDER_LOOKUP: 'id' } });
    const { id } = connector.commercetools.addOrder({ orderNumber: 'anything' });
    const order = connector.fluent.addOrder({ ref: id, status: 'BOOKED' });
    connector.commercetools.setStates(id, { orderState: 'Cancelled' });
    await vi.waitFor(() => expect(order.status).toBe('CANCELLED'), WAIT);
    await quietOf(connector);
  });

  it('find the order by a custom field when ORDER_LOOKUP names one, and its webhooks find it, too', async ({
    start,
  }) => {
    const connector = await start({
      env: { ORDER_LOOKUP: 'customField:fluent-ref', ORDER_REF_PREFIX: 'HD_' },
    });
    const { fluent, commercetools } = connector;
    const custom = { type: 'fluent', fields: { 'fluent-ref': 'A"1' } };
    const shown = commercetools.addOrder({ orderNumber: 'anything', custom });
    const order = fluent.addOrder({ ref: 'HD_A"1' });
    await fluent.move(order.id, 'BOOKED');
    await vi.waitFor(() => expect(shown.orderState).toBe('Confirmed'), WAIT);
    commercetools.setStates('anything', { orderState: 'Cancelled' });
    await vi.waitFor(() => expect(order.status).toBe('CANCELLED'), WAIT);
    await quietOf(connector);
  });

  it('are dead letters that name the orders when several have the ref in their custom field', async ({
    start,
  }) => {
    const connector = await start({ env: { ORDER_LOOKUP: 'customField:ref' } });
    const custom = { type: 'fluent', fields: { ref: 'O_1' } };
    connector.commercetools.addOrder({ orderNumber: '1', custom });
    connector.commercetools.addOrder({ orderNumber: '2', custom });
    const { id } = connector.fluent.addOrder({ ref: 'O_1' });
    await connector.fluent.move(id, 'BOOKED');
    const { error } = await connector.waitForRun({ outcome: 'dead' });
    expect(error?.message).toContain('the custom field ref of several orders is O_1');
  });

  it('find the order through the override of OrderReferenceResolver', async ({ start }) => {
    const fluentRefs = vi.fn<OrderReferenceResolver['fluentRefs']>(async () => ['F_1']);
    const connector = await start({
      overrides: [{ provide: OrderReferenceResolver, useValue: { fluentRefs } }],
    });
    const { id } = connector.commercetools.addOrder({ orderNumber: 'C_1' });
    const order = connector.fluent.addOrder({ ref: 'F_1', status: 'BOOKED' });
    connector.commercetools.setStates('C_1', { orderState: 'Cancelled' });
    await vi.waitFor(() => expect(order.status).toBe('CANCELLED'), WAIT);
    expect(fluentRefs).toHaveBeenCalledWith(
      id,
      expect.objectContaining({ retailerId: '1' }),
      expect.anything(),
    );
  });

  it('warn at the start when only the look-up is overridden', async ({ start }) => {
    const warn = vi.spyOn(Logger.prototype, 'warn');
    const lookup = { provide: OrderLookup, useValue: { find: async () => undefined } };
    await start({ overrides: [lookup] });
    const said = () =>
      warn.mock.calls.filter(([text]) => String(text).includes('OrderReferenceResolver is not'));
    expect(said()).toHaveLength(1);
    await start({
      overrides: [lookup, { provide: OrderReferenceResolver, useValue: { fluentRefs: async () => [] } }],
    });
    expect(said()).toHaveLength(1);
  });

  it('reach the retailer that has the order when a project has several', async ({ start }) => {
    const connector = await start({ env: { FLUENT_RETAILER_IDS: '1,2' } });
    const order = connector.addOrder({ ref: 'O_1', status: 'BOOKED', retailerId: '2' });
    connector.fluent.useReferenceMappings('2');
    connector.commercetools.setStates('O_1', { orderState: 'Cancelled' });
    await vi.waitFor(() => expect(order.fluent.status).toBe('CANCELLED'), WAIT);
    await quietOf(connector);
    expect(cancelEvents(connector)).toMatchObject([{ retailerId: '2' }]);
    const outcomes = connector.runs
      .filter(({ notification }) => notification.name.startsWith('commercetools.'))
      .map(({ notification, outcome }) => `${notification.retailerId} ${outcome}`);
    expect(outcomes.sort()).toEqual(['1 unchanged', '2 updated']);
  });

  it('of an order of another retailer become dead letters', async ({ start }) => {
    const connector = await start();
    connector.addOrder({ ref: 'O_1', status: 'BOOKED', retailerId: '9' });
    connector.commercetools.setStates('O_1', { orderState: 'Cancelled' });
    const { error } = await connector.waitForRun({ outcome: 'dead' });
    expect(error?.message).toContain('belongs to retailer 9; add it to FLUENT_RETAILER_IDS');
    expect(cancelEvents(connector)).toEqual([]);
  });

  it('are retried while Fluent is down', async ({ start }) => {
    const connector = await start();
    const order: TestOrder = connector.addOrder({ ref: 'O_1', status: 'BOOKED' });
    await connector.fluent.down();
    connector.commercetools.setStates('O_1', { orderState: 'Cancelled' });
    await connector.waitForRun({ outcome: 'retried' });
    await connector.fluent.up();
    await vi.waitFor(() => expect(order.fluent.status).toBe('CANCELLED'), WAIT);
    await quietOf(connector);
    expect(cancelEvents(connector)).toHaveLength(1);
  });
});

describe('messages of a project that several retailers share', () => {
  it.for([
    ['every retailer by default', {}, ['1', '2']],
    ['one retailer when the handler runs once per project', { oncePerProject: true }, ['1']],
  ] as const)('run for %s', async ([, options, retailers], { start }) => {
    const seen: string[] = [];
    @NotificationHandler({ names: 'commercetools.CustomerCreated', ...options })
    @Injectable()
    class CustomerHandler {
      async handle({ retailerId }: FluentNotification): Promise<void> {
        seen.push(retailerId);
        await Promise.resolve();
      }
    }
    const connector = await start({ env: { FLUENT_RETAILER_IDS: '1,2' }, handlers: [CustomerHandler] });
    const { messages: sender } = connector.commercetools;
    connector.addOrder({ ref: 'O_1' });
    const message = { ...connector.commercetools.message('O_1'), type: 'CustomerCreated' };
    expect(await sender.send(message)).toMatchObject({ result: 'accepted' });
    expect(await sender.send(message)).toMatchObject({ result: 'duplicate' });
    await connector.settled();
    expect(seen.toSorted()).toEqual(retailers);
  });

  it('run for the retailers that the override of MessageRouter chooses', async ({ start }) => {
    const retailersOf: MessageRouter['retailersOf'] = ({ store }, candidates) =>
      candidates.filter(({ retailerId }) => retailerId === store);
    @NotificationHandler('commercetools.ReturnInfoAdded')
    @Injectable()
    class RoutedHandler {
      async handle(): Promise<void> {
        await Promise.resolve();
      }
    }
    const connector = await start({
      env: { FLUENT_RETAILER_IDS: '1,2' },
      handlers: [RoutedHandler],
      overrides: [{ provide: MessageRouter, useValue: { retailersOf } }],
    });
    connector.addOrder({ ref: 'O_1' });
    const message = { ...connector.commercetools.message('O_1'), type: 'ReturnInfoAdded' };
    const { messages: sender } = connector.commercetools;
    expect(await sender.send({ ...message, id: 'a', store: '2' })).toMatchObject({ result: 'accepted' });
    expect(await sender.send({ ...message, id: 'b', store: '3' })).toMatchObject({ result: 'ignored' });
    await connector.settled();
    expect(connector.runs.map(({ notification }) => notification.retailerId)).toEqual(['2']);
  });
});

interface Posted {
  readonly status: number;
  readonly headers: IncomingMessage['headers'];
  // oxlint-disable-next-line typescript/no-explicit-any
  readonly json: any;
}

async function postTo(
  { url }: TestConnector,
  body: unknown,
  headers: Record<string, string>,
): Promise<Posted> {
  const outgoing = httpRequest(new URL(PATH, url), {
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

/** The form in which Google Cloud Pub/Sub pushes data. */
function envelope(data: string): object {
  return { message: { data: Buffer.from(data).toString('base64'), messageId: '1' }, subscription: 's' };
}

describe('the endpoint for commercetools messages', () => {
  it('accepts a message with and without an envelope, and recognizes a repetition', async ({ endpoint }) => {
    const { message, post } = endpoint;
    const { id } = message;
    expect(await post(envelope(JSON.stringify(message)))).toMatchObject({
      status: 200,
      json: { status: 'accepted', id },
    });
    expect(await post(message)).toMatchObject({ status: 200, json: { status: 'duplicate', id } });
  });

  it('acknowledges messages that no handler wants, so that they are not sent again', async ({ endpoint }) => {
    const { message, post, newRuns, increase } = endpoint;
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
    expect(newRuns()).toEqual([]);
    expect(await increase(messages('demo', 'ignored'))).toBe(1);
    expect(await increase(messages('other', 'ignored'))).toBe(2);
  });

  it("runs a partner's handler of a message type like any other handler", async ({ endpoint }) => {
    const { message, post } = endpoint;
    const returned = {
      ...message,
      type: 'ReturnInfoAdded',
      orderState: undefined,
      returnInfo: { items: [] },
    };
    expect(await post(returned)).toMatchObject({ status: 200, json: { status: 'accepted' } });
    await vi.waitFor(() => expect(ReturnHandler.seen).toHaveLength(1), WAIT);
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

  it('refuses a message of another project', async ({ endpoint: { message, post } }) => {
    expect(await post({ ...message, projectKey: 'another' })).toMatchObject({
      status: 403,
      json: { detail: 'the project of the message is not configured' },
    });
  });

  type Headers = Record<string, string>;
  type TokenOf = (claims: Record<string, unknown>) => Promise<Headers>;
  it.for<[string, (tokenOf: TokenOf) => Headers | Promise<Headers>]>([
    ['no token', () => ({})],
    ['a secret that is not configured', () => ({ 'x-connector-secret': SECRET })],
    ['another audience', (tokenOf) => tokenOf({ aud: 'somebody-else' })],
    ['another issuer', (tokenOf) => tokenOf({ iss: 'https://accounts.google.com' })],
    ['an expired token', (tokenOf) => tokenOf({ exp: 1 })],
    ['another account', (tokenOf) => tokenOf({ email: 'attacker@example.com' })],
  ])('answers %s with the same 401', async ([, headersWith], { endpoint }) => {
    const { connector, message, post, newRuns, increase } = endpoint;
    const headers = await headersWith(async (claims) => ({
      authorization: `Bearer ${await connector.commercetools.messages.token(claims)}`,
    }));
    const answer = await post(message, headers);
    expect(answer.status).toBe(401);
    expect(answer.headers['content-type']).toBe('application/problem+json');
    expect(answer.json).toEqual({
      type: 'about:blank',
      title: 'Unauthorized',
      status: 401,
      detail: 'the request does not come from the configured push service',
    });
    expect(newRuns()).toEqual([]);
    expect(await increase(messages('other', 'unauthorized'))).toBe(1);
    expect(await increase('webhooks_total{account="other",outcome="unauthorized"}')).toBe(0);
  });

  it.for<[string, number, (message: EmulatedMessage) => unknown, Headers?]>([
    ['a body that is not JSON', 400, () => 'hello'],
    ['a body that is not an object', 400, () => '[]'],
    ['data that is not Base64', 400, () => ({ message: { data: '***' } })],
    ['data that is not JSON', 400, () => envelope('hello')],
    ['data that is nested too deeply', 400, () => envelope('['.repeat(9000))],
    ['an object that is not a message', 400, () => ({ hello: 'world' })],
    ['a body that is too large', 413, (message) => ({ ...message, padding: 'x'.repeat(30_000) })],
    ['another content type', 415, (message) => message, { 'content-type': 'text/plain' }],
  ])('refuses %s with %i', async ([, status, bodyOf, headers], { endpoint }) => {
    const { message, bearer, post, increase } = endpoint;
    const answer = await post(bodyOf(message), { authorization: bearer, ...headers });
    expect(answer).toMatchObject({ status, json: { status } });
    expect(await increase(messages('other', 'invalid'))).toBe(1);
  });

  it('does not look at the body of an unknown sender', async ({ endpoint: { post } }) => {
    expect(await post({ hello: 'world' }, {})).toMatchObject({ status: 401 });
  });

  it('asks for the message again while the key set is out of reach', async ({ start, endpoint }) => {
    const fresh = await start({ env: { COMMERCETOOLS_MESSAGES_JWKS_URL: 'http://127.0.0.1:1/certs' } });
    const token = await fresh.commercetools.messages.token();
    const answer = await postTo(fresh, endpoint.message, { authorization: `Bearer ${token}` });
    expect(answer).toMatchObject({ status: 503, headers: { 'retry-after': '10' } });
  });

  it('accepts a secret where one is configured, and answers 404 where nothing is', async ({
    start,
    endpoint: { message, bearer },
  }) => {
    const secret = await start({ commercetools: { messages: { secret: SECRET } } });
    secret.addOrder({ ref: 'O_1', status: 'BOOKED' });
    expect(await postTo(secret, message, { 'x-connector-secret': SECRET })).toMatchObject({ status: 200 });
    expect(await postTo(secret, message, { 'x-connector-secret': `${SECRET}!` })).toMatchObject({
      status: 401,
    });
    expect(await postTo(secret, message, { authorization: bearer })).toMatchObject({ status: 401 });

    const off = await start({ commercetools: {} });
    expect(await postTo(off, message, { authorization: bearer })).toMatchObject({ status: 404 });
  });

  it('asks for the message again while Redis is away, and loses nothing', async ({
    start,
    ownRedis: redis,
  }) => {
    const connector = await start({ env: { REDIS_URL: redis.url } });
    const order = connector.addOrder({ ref: 'O_1', status: 'BOOKED' });
    const authorization = `Bearer ${await connector.commercetools.messages.token()}`;
    await redis.kill();
    const answer = await postTo(connector, connector.commercetools.message('O_1'), { authorization });
    expect(answer).toMatchObject({ status: 503, headers: { 'retry-after': '5' } });
    connector.commercetools.setStates('O_1', { orderState: 'Cancelled' });
    await redis.restart();
    await vi.waitFor(() => expect(order.fluent.status).toBe('CANCELLED'), WAIT);
    await quietOf(connector);
  });
});
