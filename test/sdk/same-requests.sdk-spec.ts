import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { print } from 'graphql';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { FileLoadState, FluentBatches } from '../../src/fluent-batches/index.js';
import { ConfirmParcels, FluentEvents, OrderCancel } from '../../src/fluent-events/index.js';
import { ApolloFluentClient, FluentGraphql, ORDER_BY_REF, UPDATE_ORDER } from '../../src/fluent/index.js';
import { type EmulatorRequest, FluentEmulator } from '../../src/testing/index.js';
import { type FluentConnection, connectToFluent } from '../support/fluent-services.js';
import { type SdkClient, connectSdk } from './sdk.js';

/** What of a request must be the same, whoever sends it. */
interface Sent {
  readonly method: string;
  readonly path: string;
  readonly authorization?: string;
  readonly contentType?: string;
  readonly body?: unknown;
}

const CANCEL = { entityId: '1001', entityRef: 'HD_1', entitySubtype: 'HD', attributes: { reason: 'x' } };
const PARCELS = {
  entityId: '89',
  entityRef: 'F-89',
  entitySubtype: 'CC_PFS',
  attributes: {
    packedItems: {
      articles: [
        { packaging_name: 'Small', length: '20', width: '15', height: '10', weight: '1.5', items: [] },
      ],
      rejections: [{ fulfilmentItemId: '7', rejectedQty: 1, rejectReason: { label: 'l', value: 'v' } }],
    },
  },
};
const ENVELOPE = { accountId: 'ACME', retailerId: '1', rootEntityType: 'ORDER' };
const STOCK = [{ locationRef: 'S1', skuRef: 'A', qty: 5, type: 'LAST_ON_HAND', status: 'ACTIVE' }];
const DAY = Date.parse('2026-03-01T12:00:00Z');
const CHANGE = { input: { id: '1001', attributes: [{ name: 'a', type: 'STRING', value: 'b' }] } };

let fluent: FluentEmulator;
let connection: FluentConnection;
let sent: Sent[];
let folder: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'same-requests-'));
});
afterEach(async () => {
  await connection[Symbol.asyncDispose]();
  await fluent.stop();
  await rm(folder, { recursive: true });
});

/** A fresh account each time, so that both find and make the same. */
async function freshAccount(): Promise<void> {
  await connection?.[Symbol.asyncDispose]();
  await fluent?.stop();
  fluent = await new FluentEmulator({ now: () => DAY }).start();
  fluent.addOrder({ id: '1001', ref: 'HD_1' });
  fluent.batchRules = { status: () => 'COMPLETE' };
  sent = [];
  fluent.intercept((request) => void sent.push(essence(request)));
  connection = connectToFluent(fluent);
}

function essence({ operation, method, path, headers, body }: EmulatorRequest): Sent {
  return {
    method,
    path: path.replaceAll(/[0-9a-f]{8}-[0-9a-f-]{27}/g, '{id}'),
    authorization: headers.authorization?.replace(/ .*/, ' {token}'),
    ...(body !== '' && {
      contentType: headers['content-type']?.split(';', 1)[0],
      body:
        operation === 'token' ? Object.fromEntries(new URLSearchParams(body)) : (JSON.parse(body) as unknown),
    }),
  };
}

async function sentBy(work: () => Promise<unknown>): Promise<Sent[]> {
  await freshAccount();
  await work();
  // The SDK asks who it is when it connects; that is not what is compared.
  return sent.filter(({ body }) => !(body as { query?: string } | undefined)?.query?.includes('me {'));
}

const events = (): FluentEvents => new FluentEvents(connection.endpoints);
const graphql = (): FluentGraphql =>
  new FluentGraphql(new ApolloFluentClient(connection.endpoints), connection.endpoints);
const sdk = (): Promise<SdkClient> => connectSdk(fluent, {}, { validateConnection: false });

describe("what the connector sends, and what the vendor's SDK sends for the same", () => {
  it.each<[string, () => Promise<unknown>, (client: SdkClient) => Promise<unknown>, number]>([
    [
      'a query',
      () => graphql().query(ORDER_BY_REF, { ref: 'HD_1' }),
      (client) =>
        client.graphql({
          query: print(ORDER_BY_REF),
          variables: { ref: 'HD_1' },
          operationName: 'OrderByRef',
          pagination: { enabled: false },
        }),
      2,
    ],
    [
      'a mutation',
      () => graphql().mutate(UPDATE_ORDER, CHANGE),
      (client) =>
        client.graphql({ query: print(UPDATE_ORDER), variables: CHANGE, operationName: 'UpdateOrder' }),
      2,
    ],
    [
      'an asynchronous event',
      () => events().send(new OrderCancel(CANCEL)),
      (client) => client.sendEvent({ name: 'OrderCancel', entityType: 'ORDER', ...ENVELOPE, ...CANCEL }),
      2,
    ],
    [
      'a synchronous event',
      () => events().send(new ConfirmParcels(PARCELS), { mode: 'sync' }),
      (client) =>
        client.sendEvent(
          { name: 'ConfirmParcels', entityType: 'FULFILMENT', ...ENVELOPE, ...PARCELS },
          'sync',
        ),
      2,
    ],
    [
      'a look-up of an event',
      async () => {
        const { eventId } = await events().send(new OrderCancel(CANCEL));
        await events().get(eventId!);
      },
      async (client) => {
        const { id } = await client.sendEvent({
          name: 'OrderCancel',
          entityType: 'ORDER',
          ...ENVELOPE,
          ...CANCEL,
        });
        await client.getEventById(id);
      },
      3,
    ],
    [
      'a search for events',
      async () => {
        const found = events().find(
          { rootEntityType: 'ORDER', entityRef: 'HD 1/ü', from: new Date(DAY), eventStatus: 'FAILED' },
          { pageSize: 50 },
        );
        for await (const _ of found) break;
      },
      (client) =>
        client.getEvents({
          'context.rootEntityType': 'ORDER',
          'context.entityRef': 'HD 1/ü',
          from: new Date(DAY).toISOString(),
          eventStatus: 'FAILED',
          count: 50,
        }),
      2,
    ],
    [
      'a load',
      () =>
        new FluentBatches(connection.endpoints, new FileLoadState(folder)).load(STOCK, { now: () => DAY }),
      async (client) => {
        const job = await client.createJob({
          name: 'fluent-commercetools-connector 2026-03-01',
          retailerId: '1',
        });
        const content = { action: 'UPSERT', entityType: 'INVENTORY', entities: STOCK };
        const batch = await client.sendBatch(job.id, content);
        await client.getBatchStatus(job.id, batch.id);
      },
      4,
    ],
  ])('are the same for %s', async (_, ours, theirs, requests) => {
    const byUs = await sentBy(ours);
    const byThem = await sentBy(async () => theirs(await sdk()));
    expect(byUs).toHaveLength(requests);
    expect(byUs).toEqual(byThem);
  });

  it('are compared strictly', async () => {
    const byUs = await sentBy(() => events().send(new OrderCancel(CANCEL)));
    const byThem = await sentBy(async () =>
      (await sdk()).sendEvent({
        name: 'OrderCancel',
        entityType: 'ORDER',
        ...ENVELOPE,
        ...CANCEL,
        entityId: '1002',
      }),
    );
    expect(byUs).not.toEqual(byThem);
  });
});
