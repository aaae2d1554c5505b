import { once } from 'node:events';
import { createServer, type IncomingHttpHeaders, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import {
  createTestConnector,
  type TestConnector,
  type TestOrder,
} from 'fluent-commercetools-connector/testing';
import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest';
import { AppModule } from '../src/app.module.js';

interface Received {
  readonly headers: IncomingHttpHeaders;
  readonly body: unknown;
}

/** The provider: what it answers next, and what it was asked. */
let answers: { status: number; headers?: Record<string, string> }[] = [];
let received: Received[] = [];
let provider: Server;
let connector: TestConnector;
let serial = 0;

beforeAll(async () => {
  provider = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      received.push({ headers: request.headers, body: JSON.parse(Buffer.concat(chunks).toString()) });
      const { status, headers } = answers.shift() ?? { status: 202 };
      response.writeHead(status, headers).end('{"echo":"jane@example.com"}');
    });
  }).listen(0, '127.0.0.1');
  await once(provider, 'listening');
  connector = await createTestConnector({
    module: AppModule,
    env: {
      MESSAGE_PROVIDER_URL: `http://127.0.0.1:${(provider.address() as AddressInfo).port}/messages`,
      MESSAGE_PROVIDER_KEY: 'provider-key',
    },
  });
});
beforeEach(() => {
  answers = [];
  received = [];
});
afterAll(async () => {
  await connector?.stop();
  provider?.closeAllConnections();
  provider?.close();
});

function addOrder(customerEmail?: string): TestOrder {
  return connector.addOrder({ ref: `CC_${++serial}` }, { customerEmail });
}

async function notify({ fluent }: TestOrder, attributes: object, id = `n-${++serial}`): Promise<string> {
  await connector.fluent.notify(fluent.id, { id, name: 'example.customer-message', attributes });
  return id;
}

const ready = { channel: 'email', template: 'ready-for-collection', storeName: 'Rotterdam' };

it('sends an email to the address that commercetools has', async () => {
  const order = addOrder('jane@example.com');
  const id = await notify(order, ready);
  await connector.settled();
  expect(received).toEqual([
    {
      headers: expect.objectContaining({
        authorization: 'Bearer provider-key',
        'idempotency-key': `ACME:${id}`,
      }),
      body: {
        channel: 'email',
        to: 'jane@example.com',
        template: 'ready-for-collection',
        data: { orderNumber: order.fluent.ref, storeName: 'Rotterdam' },
      },
    },
  ]);
});

it('sends a text message to the number of the notification', async () => {
  await notify(addOrder(), { channel: 'sms', template: 'on-its-way', phone: '+31612345678' });
  await connector.settled();
  expect(received).toMatchObject([{ body: { channel: 'sms', to: '+31612345678' } }]);
});

it('sends one message for a notification that comes again', async () => {
  const order = addOrder('jane@example.com');
  const id = await notify(order, ready);
  await connector.settled();
  await notify(order, ready, id);
  await connector.settled();
  expect(received).toHaveLength(1);
});

it('tries again under the same key while the provider is overloaded', async () => {
  answers = [{ status: 503 }, { status: 429, headers: { 'retry-after': '0' } }];
  await notify(addOrder('jane@example.com'), ready);
  await connector.settled();
  expect(received).toHaveLength(3);
  expect(new Set(received.map(({ headers }) => headers['idempotency-key'])).size).toBe(1);
});

it('tells the operator about a wrong key, and goes on once it is right', async () => {
  answers = [{ status: 401 }];
  const id = await notify(addOrder('jane@example.com'), ready);
  const { error } = await connector.waitForRun({ id, outcome: 'retried' });
  expect(error?.message).toContain('check MESSAGE_PROVIDER_KEY');
  expect(await connector.waitForRun({ id, outcome: 'updated' })).toMatchObject({ attempt: 2 });
});

it('keeps what the provider refuses as a dead letter, without personal data in its reason', async () => {
  answers = [{ status: 422 }];
  const id = await notify(addOrder('jane@example.com'), ready);
  const { error } = await connector.waitForRun({ id, outcome: 'dead' });
  expect(error?.message).toBe('the message provider answered HTTP 422');
});

it.each([
  ['no template', { channel: 'email' }, 'template'],
  ['an unknown channel', { ...ready, channel: 'fax' }, 'channel'],
  ['no number for a text message', { ...ready, channel: 'sms' }, 'phone'],
  ['no email address', ready, 'has no email address'],
])('makes a notification with %s a dead letter that says so', async (_, attributes, reason) => {
  const id = await notify(addOrder(), attributes);
  const { error } = await connector.waitForRun({ id, outcome: 'dead' });
  expect(error?.message).toContain(reason);
  expect(received).toEqual([]);
});
