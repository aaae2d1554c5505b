import { Global, Module } from '@nestjs/common';
import { Test, type TestingModule } from '@nestjs/testing';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import {
  CommercetoolsModule,
  ConflictError,
  OrderLookup,
  OrderUpdate,
  orderUpdateActions,
} from '../src/commercetools/index.js';
import { ConnectorConfig, type RetailerScope } from '../src/config/index.js';
import { CircuitOpenError, ConfigurationError, TransientError } from '../src/errors.js';
import { FluentClient, FluentModule } from '../src/fluent/index.js';
import { GraphqlModule } from '../src/graphql/index.js';
import { MappingModule, StatusMapper } from '../src/mapping/index.js';
import { ConnectorMetrics } from '../src/metrics/index.js';
import { SettingsModule } from '../src/settings/index.js';
import { CommercetoolsEmulator, FluentEmulator } from '../src/testing/index.js';
import { CircuitBreakers, OutageError } from '../src/transport/index.js';
import { ACCOUNT, PROJECT, literalConfig, literalScope } from './support/literal-config.js';

describe('the clients of Fluent and commercetools', () => {
  let fluent: FluentEmulator;
  let commercetools: CommercetoolsEmulator;
  let app: TestingModule;
  let scope: RetailerScope;
  let fluentOrderId: string;
  const ref = 'O_1';
  const readFluent = () => app.get(FluentClient).getOrder(scope, fluentOrderId);
  const find = () => app.get(OrderLookup).find({ id: fluentOrderId, ref }, scope);

  beforeAll(async () => {
    fluent = await new FluentEmulator().start();
    commercetools = await new CommercetoolsEmulator().start();
  });
  afterAll(() => Promise.all([fluent.stop(), commercetools.stop()]));

  beforeEach(async () => {
    const environment = { ...fluent.environment, ...commercetools.environment };
    const account = {
      ...ACCOUNT,
      baseUrl: fluent.url,
      username: environment['FLUENT_USERNAME']!,
      password: environment['FLUENT_PASSWORD']!,
      clientId: environment['FLUENT_CLIENT_ID']!,
      clientSecret: environment['FLUENT_CLIENT_SECRET']!,
    };
    const project = {
      ...PROJECT,
      key: commercetools.projectKey,
      authUrl: commercetools.url,
      apiUrl: commercetools.url,
      clientId: environment['CTP_CLIENT_ID']!,
      clientSecret: environment['CTP_CLIENT_SECRET']!,
      scopes: environment['CTP_SCOPES']!,
    };
    scope = literalScope({ account, project });
    const config = literalConfig({ accounts: [account], projects: [project], httpClientTimeoutMs: 2000 });

    @Global()
    @Module({
      providers: [{ provide: ConnectorConfig, useValue: config }, ConnectorMetrics],
      exports: [ConnectorConfig, ConnectorMetrics],
    })
    class GroundModule {}

    app = await Test.createTestingModule({
      imports: [
        GroundModule,
        GraphqlModule,
        FluentModule,
        CommercetoolsModule,
        SettingsModule,
        MappingModule,
      ],
    }).compile();
    await app.init();
    fluent.requests.clear();
    commercetools.requests.clear();
    fluentOrderId = fluent.orders[0]?.id ?? fluent.addOrder({ ref, status: 'BOOKED' }).id;
    if (!commercetools.order(ref)) commercetools.addOrder({ orderNumber: ref });
    fluent.useReferenceMappings();

    return async () => {
      fluent.faults.clear();
      commercetools.faults.clear();
      await app.close();
    };
  });

  it('lead an order from a Fluent status to its commercetools states', async () => {
    const current = await find();
    const order = await readFluent();
    expect(order).toMatchObject({ ref, status: 'BOOKED', retailerId: '1' });
    const wanted = await app.get(StatusMapper).map(order!, scope);
    expect(wanted).toEqual({ orderState: 'Confirmed', paymentState: 'Paid', shipmentState: 'Pending' });
    await app.get(OrderUpdate).apply(current!, orderUpdateActions(current!, wanted), scope);
    const updated = await find();
    expect(updated).toMatchObject(wanted);
    expect(orderUpdateActions(updated!, wanted)).toEqual([]);
    expect(fluent.requests.count('settings')).toBe(1);
  });

  it('find nothing for an order that does not exist', async () => {
    await expect(app.get(FluentClient).getOrder(scope, '999999')).resolves.toBeUndefined();
    await expect(app.get(OrderLookup).find({ id: '1', ref: 'O_missing' }, scope)).resolves.toBeUndefined();
  });

  it('replace tokens that were revoked or have expired', async () => {
    await Promise.all([readFluent(), find()]);
    fluent.revokeTokens();
    commercetools.faults.set({ kind: 'expired-token', times: 1 });
    await expect(Promise.all([readFluent(), readFluent(), find(), find()])).resolves.toHaveLength(4);
    expect([fluent.requests.count('token'), commercetools.requests.count('token')]).toEqual([2, 2]);
  });

  it('report the Retry-After of a rate limit', async () => {
    fluent.faults.set({ kind: 'rate-limit', retryAfterSeconds: 7, times: 1 });
    commercetools.faults.set({ kind: 'rate-limit', retryAfterSeconds: 8, times: 1 });
    await expect(readFluent()).rejects.toMatchObject({ name: 'OutageError', retryAfterMs: 7000 });
    await expect(find()).rejects.toMatchObject({ name: 'OutageError', retryAfterMs: 8000 });
  });

  it('treat HTML, a reset and a hanging server as outages', async () => {
    for (const kind of ['html', 'reset', 'hang'] as const) {
      fluent.faults.set({ kind, times: 1, operation: 'orderById' });
      commercetools.faults.set({ kind, times: 1, operation: 'order' });
      // oxlint-disable-next-line no-await-in-loop -- one fault at a time
      const failures = await Promise.allSettled([readFluent(), find()]);
      expect(failures.map((failure) => failure.status === 'rejected' && failure.reason)).toEqual([
        expect.any(OutageError),
        expect.any(OutageError),
      ]);
    }
  });

  it('distinguish a conflict from an uncertain write', async () => {
    const current = await find();
    const apply = () =>
      app.get(OrderUpdate).apply(current!, [{ changeOrderState: { orderState: 'Complete' } }], scope);
    commercetools.setStates(ref, { paymentState: 'Failed' });
    await expect(apply()).rejects.toThrow(ConflictError);
    Object.assign(current!, await find());
    commercetools.faults.set({ kind: 'uncertain', answer: 'general', times: 1 });
    const failure = await apply().catch((error: unknown) => error);
    expect(failure).toBeInstanceOf(TransientError);
    expect(failure).not.toBeInstanceOf(ConflictError);
    expect((await find())?.orderState).toBe('Complete');
  });

  it('name what to change when a mapping is missing', async () => {
    const order = await readFluent();
    const [name] = Object.values(scope.mappingSettings);
    fluent.removeSetting(name!);
    await expect(app.get(StatusMapper).map(order!, scope)).rejects.toThrow(ConfigurationError);
  });

  it('find every updated order once', async () => {
    for (let index = 0; index < 250; index++) fluent.addOrder({ ref: `P_${index}` });
    const ids = new Set<string>();
    let count = 0;
    for await (const { id } of app.get(FluentClient).ordersUpdatedSince('ACME', new Date(0))) {
      ids.add(id);
      count++;
    }
    expect([count, ids.size]).toEqual([fluent.orders.length, fluent.orders.length]);
  });

  it('send nothing to a target that is down, and resume by themselves when it is back', async () => {
    await find();
    await commercetools.down();
    for (let call = 0; call < 9; call++) await expect(find()).rejects.toThrow(OutageError);
    await expect(find()).rejects.toThrow(CircuitOpenError);
    await expect(readFluent()).resolves.toBeDefined();
    expect(app.get(CircuitBreakers).states()).toEqual({
      'fluent:ACME': 'closed',
      [`commercetools:${commercetools.projectKey}`]: 'open',
    });
    await commercetools.up();
    await expect.poll(find, { timeout: 10_000 }).toMatchObject({ orderState: 'Complete' });
  });
});
