import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Injectable, Module } from '@nestjs/common';
import { Redis } from 'ioredis';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { OrderStates } from '../src/commercetools/index.js';
import { ConnectorConfig } from '../src/config/index.js';
import { ConnectorModule } from '../src/connector.module.js';
import { PermanentError, TransientError } from '../src/errors.js';
import { NotificationHandler, type NotificationHandlerContract } from '../src/handlers/index.js';
import { StatusMapper } from '../src/mapping/index.js';
import {
  CommercetoolsEmulator,
  createTestConnector,
  FluentEmulator,
  PrivateRedis,
} from '../src/testing/index.js';

class CompleteMapper extends StatusMapper {
  override map(): Promise<OrderStates> {
    return Promise.resolve({ orderState: 'Complete' });
  }
}

@NotificationHandler('parcel.shipped')
@Injectable()
class ParcelHandler implements NotificationHandlerContract {
  failure?: Error;
  readonly seen: string[] = [];

  handle({ entityRef }: { entityRef: string }): Promise<void> {
    if (this.failure) return Promise.reject(this.failure);
    this.seen.push(entityRef);
    return Promise.resolve();
  }
}

@Module({
  imports: [
    ConnectorModule.register({
      overrides: [{ provide: StatusMapper, useClass: CompleteMapper }],
      providers: [ParcelHandler],
    }),
  ],
})
class PartnerApp {}

describe('createTestConnector', () => {
  it('runs handlers and replacements against both emulators', async () => {
    await using connector = await createTestConnector({
      overrides: [{ provide: StatusMapper, useClass: CompleteMapper }],
      providers: [ParcelHandler],
    });
    const order = connector.addOrder({ ref: 'O_1' });
    await connector.fluent.move(order.fluent.id, 'BOOKED');
    expect(await connector.send({ name: 'parcel.shipped', entityRef: 'P_7' })).toMatchObject({
      result: 'accepted',
    });
    await connector.settled();
    expect(order.commercetools.orderState).toBe('Complete');
    expect(connector.app.get(ParcelHandler, { strict: false }).seen).toEqual(['P_7']);
    expect(connector.runs).toHaveLength(2);
  });

  it('sets no variable of a single account when a file describes the accounts', async ({
    onTestFinished,
  }) => {
    const commercetools = await new CommercetoolsEmulator().start();
    const fluent = await new FluentEmulator({ accountId: 'OTHER' }).start();
    const folder = await mkdtemp(join(tmpdir(), 'test-connector-'));
    onTestFinished(async () => {
      await Promise.all([fluent.stop(), commercetools.stop(), rm(folder, { recursive: true })]);
    });
    const { FLUENT_USERNAME: username, FLUENT_PASSWORD: password } = fluent.environment;
    const { FLUENT_CLIENT_ID: clientId, FLUENT_CLIENT_SECRET: clientSecret } = fluent.environment;
    const webhookPublicKeys = fluent.webhookKeys.publicKey;
    const key = commercetools.projectKey;
    const ofProject = Object.entries({
      clientId: 'CTP_CLIENT_ID',
      clientSecret: 'CTP_CLIENT_SECRET',
      authUrl: 'CTP_AUTH_URL',
      apiUrl: 'CTP_API_URL',
      scopes: 'CTP_SCOPES',
    }).map(([name, variable]) => [name, commercetools.environment[variable]]);
    const account = { id: 'OTHER', baseUrl: fluent.url, username, password, clientId, clientSecret };
    const file = join(folder, 'connector.yaml');
    await writeFile(
      file,
      JSON.stringify({
        projects: [{ key, ...Object.fromEntries(ofProject) }],
        accounts: [{ ...account, webhookPublicKeys }],
      }),
    );
    await using connector = await createTestConnector({ env: { CONNECTOR_CONFIG: file } });
    fluent.useReferenceMappings();
    fluent.webhookUrl = connector.webhookUrl;
    const order = commercetools.addOrder({ orderNumber: 'O_1' });
    await fluent.move(fluent.addOrder({ ref: 'O_1' }).id, 'BOOKED');
    await connector.settled();
    expect(order.orderState).toBe('Confirmed');
  });

  it('runs a whole application, and sets its environment only while it starts', async () => {
    const before = { ...process.env };
    await using connector = await createTestConnector({
      module: PartnerApp,
      env: { ORDER_REF_PREFIX: 'HD_' },
    });
    expect({ ...process.env }).toEqual(before);
    expect(connector.app.get(ConnectorConfig).scope('ACME', '1')?.orderRefPrefix).toBe('HD_');
    await connector.send({ name: 'parcel.shipped', entityRef: 'P_8' });
    await connector.settled();
    expect(connector.app.get(ParcelHandler, { strict: false }).seen).toEqual(['P_8']);
  });

  it('names what is left, and why, when it does not settle', async () => {
    await using connector = await createTestConnector({
      providers: [ParcelHandler],
      env: { RETRY_BASE_DELAY: '60000', RETRY_MAX_DELAY: '60000' },
    });
    const handler = connector.app.get(ParcelHandler, { strict: false });
    handler.failure = new TransientError('the carrier is away');
    const { id } = await connector.send({ name: 'parcel.shipped' });
    await connector.waitForRun({ id, outcome: 'retried' });
    await expect(connector.settled(50)).rejects.toThrow(/"delayed":1.*parcel\.shipped.*the carrier is away/);
    await expect(connector.waitForRun({ outcome: 'dead' }, 50)).rejects.toThrow(/the carrier is away/);

    handler.failure = new PermanentError('no such carrier');
    const second = await connector.send({ name: 'parcel.shipped' });
    expect((await connector.waitForRun({ id: second.id })).outcome).toBe('dead');
    expect(await connector.queue.deadLetters()).toHaveLength(1);
  });

  it('reports at once why a webhook was not accepted', async () => {
    await using connector = await createTestConnector();
    expect(await connector.send({ name: 'x', accountId: 'OTHER' })).toMatchObject({
      result: 'failed',
      status: 401,
      attempts: 1,
    });
  });

  it('rejects with the reason when the connector does not start, and can be stopped twice', async () => {
    await expect(createTestConnector({ env: { QUEUE_CONCURRENCY: 'many' } })).rejects.toThrow(
      /QUEUE_CONCURRENCY/,
    );
    const connector = await createTestConnector();
    await connector.stop();
    await connector.stop();
    await expect(fetch(connector.url)).rejects.toThrow('fetch failed');
  });
});

describe('a test connector on a Redis that others use too', () => {
  let server: PrivateRedis;
  beforeAll(async () => {
    server = await PrivateRedis.start({ aof: false });
  });
  afterAll(() => server.stop());

  it('claims an empty database and leaves it empty', async () => {
    const client = new Redis(server.url);
    try {
      await client.set('theirs', 'kept');
      await client.select(1);
      await client.set('theirs', 'kept');
      const both = await Promise.all([
        createTestConnector({ redisUrl: server.url }),
        createTestConnector({ redisUrl: server.url }),
      ]);
      const targets = both.map(({ app }) => app.get(ConnectorConfig).queue.redis);
      const database = (index: number) => ({ topology: 'single', url: `${server.url}/${index}` });
      expect(new Set(targets)).toEqual(new Set([database(2), database(3)]));
      await Promise.all(both.map((connector) => connector.stop()));
      expect(await client.info('keyspace')).toMatch(/db0:keys=1[^]*db1:keys=1/);
      expect(await client.info('keyspace')).not.toContain('db2');
    } finally {
      client.disconnect();
    }
  });

  it('refuses a database that is in use and a server that does not answer', async () => {
    await expect(createTestConnector({ redisUrl: `${server.url}/1` })).rejects.toThrow(/FLUSHDB/);
    await expect(createTestConnector({ redisUrl: 'redis://127.0.0.1:1' })).rejects.toThrow(
      /REDIS_URL cannot be used for tests: /,
    );
  });
});
