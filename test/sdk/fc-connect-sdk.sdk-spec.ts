import { pathToFileURL } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { FluentEmulator } from '../../src/testing/index.js';
import { startLocalServer } from '../support/local-server.js';

/** What this test uses of the SDK. */
interface Sdk {
  createClient(context: object, options?: { validateConnection?: boolean }): Promise<SdkClient>;
}

interface SdkClient {
  // oxlint-disable-next-line typescript/no-explicit-any
  graphql(payload: { query: string; variables?: object }): Promise<any>;
  validateWebhook(payload: object, signature: string, rawPayload: string): Promise<boolean>;
}

const { FC_CONNECT_SDK } = process.env;
if (!FC_CONNECT_SDK) throw new Error('run this with: npm run test:sdk');
const sdk = (await import(pathToFileURL(FC_CONNECT_SDK).href)) as Sdk;

let fluent: FluentEmulator;

beforeEach(async () => {
  fluent = await new FluentEmulator({ refreshTokens: true }).start();
});
afterEach(() => fluent.stop());

function connect(overrides: object = {}): Promise<SdkClient> {
  const { environment } = fluent;
  const config = {
    baseUrl: fluent.url,
    retailerId: fluent.retailerId,
    clientId: environment.FLUENT_CLIENT_ID,
    clientSecret: environment.FLUENT_CLIENT_SECRET,
    username: environment.FLUENT_USERNAME,
    password: environment.FLUENT_PASSWORD,
    publicKey: fluent.webhookKeys.publicKey,
    retryConfig: { baseRetryDelayMs: 100 },
    ...overrides,
  };
  return sdk.createClient({ config }, { validateConnection: true });
}

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
});
