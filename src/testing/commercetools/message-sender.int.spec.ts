import { createLocalJWKSet, jwtVerify, type JSONWebKeySet } from 'jose';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { startLocalServer, type LocalServer } from '../../../test/support/local-server.js';
import { SeededRandom } from '../seeded-random.js';
import { CommercetoolsEmulator } from './commercetools-emulator.js';
import type { MessageOptions } from './message-sender.js';

describe('messages of the commercetools emulator', () => {
  let receiver: LocalServer;
  let status: number;
  let commercetools: CommercetoolsEmulator;

  beforeEach(async () => {
    status = 200;
    receiver = await startLocalServer(() => ({ status, json: { status: 'accepted' } }));
  });
  afterEach(async () => {
    await commercetools.stop();
    await receiver[Symbol.asyncDispose]();
  });

  async function start(messages?: MessageOptions): Promise<void> {
    commercetools = await new CommercetoolsEmulator({ messagesUrl: receiver.url, messages }).start();
    commercetools.addOrder({ id: 'id-1', orderNumber: 'O_1' });
  }

  function pushed(index = 0): Record<string, unknown> {
    const { message } = JSON.parse(receiver.requests[index]!.body) as { message: { data: string } };
    return JSON.parse(Buffer.from(message.data, 'base64').toString()) as Record<string, unknown>;
  }

  it('tell a changed order state in the envelope of a Pub/Sub push', async () => {
    await start();
    const { version } = commercetools.setStates('O_1', { orderState: 'Cancelled' });
    await commercetools.messages.settled();
    expect(JSON.parse(receiver.requests[0]!.body)).toEqual({
      message: { data: expect.any(String), messageId: expect.any(String), publishTime: expect.any(String) },
      subscription: expect.any(String),
    });
    expect(pushed()).toMatchObject({
      notificationType: 'Message',
      projectKey: 'demo',
      type: 'OrderStateChanged',
      resource: { typeId: 'order', id: 'id-1' },
      resourceUserProvidedIdentifiers: { orderNumber: 'O_1' },
      resourceVersion: version,
      orderState: 'Cancelled',
      oldOrderState: 'Open',
      createdBy: { clientId: 'shop' },
    });
  });

  it('carry a token that its key set verifies', async () => {
    await start({ audience: 'me', serviceAccount: 'push@example.com' });
    commercetools.setStates('O_1', { orderState: 'Cancelled' });
    await commercetools.messages.settled();
    const { COMMERCETOOLS_MESSAGES_JWKS_URL: url = '', ...environment } = commercetools.messagesEnvironment;
    expect(environment).toEqual({
      COMMERCETOOLS_MESSAGES_AUDIENCE: 'me',
      COMMERCETOOLS_MESSAGES_SERVICE_ACCOUNT: 'push@example.com',
      COMMERCETOOLS_MESSAGES_ISSUER: commercetools.url,
    });
    const keySet = (await (await fetch(url)).json()) as JSONWebKeySet;
    const [, token = ''] = receiver.requests[0]!.headers.authorization!.split(' ');
    const { payload } = await jwtVerify(token, createLocalJWKSet(keySet), {
      audience: 'me',
      issuer: commercetools.url,
      algorithms: ['RS256'],
    });
    expect(payload).toMatchObject({ email: 'push@example.com', email_verified: true });
  });

  it('carry a secret instead, bare and without who it was, when told so', async () => {
    await start({ secret: 'a-secret-of-some-length', envelope: false, initiators: false });
    commercetools.setStates('O_1', { orderState: 'Cancelled' });
    await commercetools.messages.settled();
    const [{ headers, body }] = receiver.requests as [(typeof receiver.requests)[number]];
    expect(headers).toMatchObject({ 'x-connector-secret': 'a-secret-of-some-length' });
    expect(headers.authorization).toBeUndefined();
    expect(JSON.parse(body)).toMatchObject({ type: 'OrderStateChanged', orderId: 'id-1' });
    expect(JSON.parse(body)).not.toHaveProperty('createdBy');
    expect(commercetools.messagesEnvironment).toEqual({
      COMMERCETOOLS_MESSAGES_SECRET: 'a-secret-of-some-length',
    });
  });

  it('come again, the same, until they are accepted', async () => {
    status = 503;
    await start({ retry: { delaysMs: [0, 0, 0] } });
    receiver.respond = () => ({ status: receiver.requests.length < 3 ? 503 : 200, json: {} });
    commercetools.setStates('O_1', { orderState: 'Cancelled' });
    expect(await commercetools.messages.settled()).toEqual([
      { result: 'accepted', status: 200, attempts: 3 },
    ]);
    expect(pushed(2)).toEqual(pushed(0));
  });

  it('come twice when told so', async () => {
    await start({ duplicates: 1, random: new SeededRandom(1) });
    commercetools.setStates('O_1', { orderState: 'Cancelled' });
    await commercetools.messages.settled();
    expect(receiver.requests).toHaveLength(2);
    expect(pushed(1)).toEqual(pushed(0));
  });

  it('are not sent for other states, for nothing, or while they are switched off', async () => {
    await start();
    commercetools.setStates('O_1', { paymentState: 'Paid' });
    commercetools.setStates('O_1', { orderState: 'Open' });
    commercetools.messages.enabled = false;
    commercetools.setStates('O_1', { orderState: 'Confirmed' });
    commercetools.messages.enabled = true;
    commercetools.messagesUrl = undefined;
    commercetools.setStates('O_1', { orderState: 'Complete' });
    expect(await commercetools.messages.settled()).toEqual([]);
    expect(receiver.requests).toEqual([]);
  });
});
