import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { FluentEmulator } from '../../src/testing/index.js';
import { startLocalServer } from '../support/local-server.js';
import { type SdkClient, connectSdk } from './sdk.js';

let fluent: FluentEmulator;

beforeEach(async () => {
  fluent = await new FluentEmulator({ refreshTokens: true }).start();
});
afterEach(() => fluent.stop());

const connect = (overrides?: object): Promise<SdkClient> => connectSdk(fluent, overrides);

describe("the vendor's SDK against the Fluent emulator", () => {
  it('connects, and is refused with a wrong password', async () => {
    await connect();
    expect(fluent.requests.counts).toMatchObject({ token: 1, me: 1 });
    await expect(connect({ password: 'wrong' })).rejects.toThrow('authentication failed');
  });

  it('reads an order', async () => {
    const { id } = fluent.addOrder({ ref: 'O_1', status: 'BOOKED' });
    const client = await connect();
    const { data } = await client.graphql({
      query: 'query Order($id: ID!) { orderById(id: $id) { id ref status retailer { id } } }',
      variables: { id },
    });
    expect(data.orderById).toEqual({ id, ref: 'O_1', status: 'BOOKED', retailer: { id: '1' } });
  });

  it('finds every page of the settings by itself', async () => {
    for (let number = 0; number < 25; number += 1) fluent.setSetting({ name: `s${number}`, value: 'v' });
    const client = await connect();
    const { data } = await client.graphql({
      query: `query Settings($first: Int, $after: String) {
        settings(first: $first, after: $after) {
          edges { cursor node { name value } } pageInfo { hasNextPage }
        }
      }`,
      variables: { first: 10 },
    });
    expect(data.settings.edges).toHaveLength(25);
    expect(fluent.requests.count('settings')).toBe(3);
  });

  it('takes a new token when the old one is refused, and asks again after a 503', async () => {
    const client = await connect();
    fluent.revokeTokens();
    expect((await client.graphql({ query: '{ me { username } }' })).data.me.username).toBe('connector');
    expect(fluent.requests.count('token')).toBe(2);
    fluent.faults.set({ kind: 'error', status: 503, operation: 'graphql', times: 1 });
    await client.graphql({ query: '{ me { username } }' });
    expect(fluent.requests.count('me')).toBe(5);
  });

  it('reports an error with its code', async () => {
    const client = await connect();
    fluent.faults.set({ kind: 'graphql-error', code: 'C0121E', message: 'C0121E: no access' });
    await expect(client.graphql({ query: '{ me { username } }' })).rejects.toThrow('C0121E');
  });

  it('accepts the signature of a webhook that was sent, and no other', async () => {
    await using receiver = await startLocalServer(() => ({ json: { status: 'accepted' } }));
    fluent.webhookUrl = receiver.url;
    await fluent.move(fluent.addOrder({ ref: 'Ö_1' }).id, 'BOOKED');
    const [{ body, headers } = { body: '', headers: {} }] = receiver.requests;
    const signature = String((headers as Record<string, unknown>)['fluent-signature']);
    const client = await connect();
    expect(await client.validateWebhook(JSON.parse(body), signature, body)).toBe(true);
    expect(await client.validateWebhook(JSON.parse(body), signature, `${body} `)).toBe(false);
  });

  it('sends events, and finds them', async () => {
    const client = await connect();
    const event = { name: 'Ping', entityType: 'ORDER', entityRef: 'O_1', rootEntityType: 'ORDER' };
    const { id } = await client.sendEvent(event);
    await expect(client.getEventById(id)).resolves.toMatchObject({
      id,
      name: 'Ping',
      eventStatus: 'COMPLETE',
    });
    fluent.onEvent('Ping', 'FAILED');
    await expect(client.sendEvent(event, 'sync')).resolves.toMatchObject({ eventStatus: 'FAILED' });
    fluent.onEvent('Ping', 'NO_RULESET');
    await expect(client.sendEvent(event, 'sync')).rejects.toThrow('404');
    await expect(client.getEventById('unknown')).rejects.toThrow('404');
    const found = await client.getEvents({ name: 'Ping', 'context.entityRef': 'O_1', count: 2 });
    expect(found).toMatchObject({ start: 0, count: 2, hasMore: true, results: [{ id }, {}] });
  });

  it('loads a batch in a job', async () => {
    const client = await connect();
    const { id: jobId } = await client.createJob({ name: 'stock', retailerId: '1' });
    const entities = [{ locationRef: 'S1', skuRef: 'A', qty: 1 }, { locationRef: 'S1' }];
    const { id } = await client.sendBatch(jobId, { action: 'UPSERT', entityType: 'INVENTORY', entities });
    const statuses: string[] = [];
    for (let look = 0; look < 3; look += 1) statuses.push((await client.getBatchStatus(jobId, id)).status);
    expect(statuses).toEqual(['PENDING', 'RUNNING', 'COMPLETE']);
    await expect(client.getBatchStatus(jobId, id)).resolves.toMatchObject({
      totalEntities: 2,
      errors: [{ entityIndex: 1 }],
    });
    await expect(client.getJobStatus(jobId)).resolves.toMatchObject({ id: jobId, status: 'OPEN' });
    const tooMany = Array.from({ length: 5001 }, () => entities[0]);
    await expect(
      client.sendBatch(jobId, { action: 'UPSERT', entityType: 'INVENTORY', entities: tooMany }),
    ).rejects.toThrow('400');
  });
});
