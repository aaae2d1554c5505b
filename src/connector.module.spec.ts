import { Injectable, Module, type DynamicModule, type Type } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { FastifyAdapter } from '@nestjs/platform-fastify';
import { describe, expect, expectTypeOf, it } from 'vitest';
import {
  ConfigurationError,
  ConnectorConfig,
  ConnectorModule,
  FluentClient,
  NotificationHandler,
  OrderLookup,
  SettingsSource,
  SettingsStatusMapper,
  StatusMapper,
  type FluentOrder,
  type OrderStates,
  type Override,
  type RetailerScope,
  type SettingValue,
} from './index.js';
import { explainInjection } from './overrides.js';
import { generateWebhookKeys } from './testing/index.js';

const { publicKey } = generateWebhookKeys();
const env = {
  // Nothing is started, so nothing connects.
  REDIS_URL: 'redis://127.0.0.1:1',
  LOG_LEVEL: 'silent',
  FLUENT_ACCOUNT_ID: 'ACME',
  FLUENT_USERNAME: 'user',
  FLUENT_PASSWORD: 'password',
  FLUENT_CLIENT_ID: 'ACME',
  FLUENT_CLIENT_SECRET: 'secret',
  FLUENT_WEBHOOK_PUBLIC_KEYS: publicKey,
  CTP_PROJECT_KEY: 'shop',
  CTP_CLIENT_ID: 'client',
  CTP_CLIENT_SECRET: 'secret',
  CTP_AUTH_URL: 'http://127.0.0.1:1',
  CTP_API_URL: 'http://127.0.0.1:1',
  CTP_SCOPES: 'manage_orders:shop',
};
const order = { id: '1', ref: 'O_1', type: 'HD', status: 'LOST', retailerId: '1', attributes: [] };

/** The built connector, as far as injection goes; its life cycle does not begin. */
async function build(module: DynamicModule | Type) {
  return NestFactory.create(module, new FastifyAdapter(), { abortOnError: false, logger: false }).catch(
    (error: unknown) => {
      throw explainInjection(error);
    },
  );
}

async function problemOf(options: Parameters<typeof ConnectorModule.register>[0]): Promise<string> {
  const error: unknown = await build(ConnectorModule.register({ env, ...options })).then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  expect(error).toBeInstanceOf(ConfigurationError);
  return (error as Error).message;
}

async function mapperOf(options: Parameters<typeof ConnectorModule.register>[0]): Promise<StatusMapper> {
  const app = await build(ConnectorModule.register({ env, ...options }));
  return app.get(StatusMapper);
}

@Injectable()
class Warehouse {
  readonly lost = 'Cancelled' as const;
}

@Injectable()
class DelegatingMapper extends StatusMapper {
  constructor(
    readonly defaults: SettingsStatusMapper,
    readonly warehouse: Warehouse,
    readonly settings: SettingsSource,
    readonly fluent: FluentClient,
    readonly config: ConnectorConfig,
  ) {
    super();
  }

  async map(of: FluentOrder, scope: RetailerScope): Promise<OrderStates> {
    return of.status === 'LOST' ? { orderState: this.warehouse.lost } : this.defaults.map(of, scope);
  }
}

@Module({ providers: [Warehouse], exports: [Warehouse] })
class WarehouseModule {}

const fixed: StatusMapper = { map: async () => ({ orderState: 'Complete' }) };

describe('ConnectorModule.register', () => {
  it.each([
    ['in providers', { providers: [Warehouse] }],
    ['of an imported module', { imports: [WarehouseModule] }],
  ])(
    'lets an override inject the default, what the connector provides, and what is %s',
    async (_, options) => {
      const mapper = await mapperOf({
        ...options,
        overrides: [{ provide: StatusMapper, useClass: DelegatingMapper }],
      });
      expect(mapper).toBeInstanceOf(DelegatingMapper);
      expect((mapper as DelegatingMapper).defaults).toBeInstanceOf(SettingsStatusMapper);
      expect(await mapper.map(order, {} as RetailerScope)).toEqual({ orderState: 'Cancelled' });
    },
  );

  it.each<[string, Override, object?]>([
    ['a value', { provide: StatusMapper, useValue: fixed }],
    [
      'a factory',
      {
        provide: StatusMapper,
        inject: [Warehouse],
        useFactory: async ({ lost }: Warehouse) => ({ map: async () => ({ orderState: lost }) }),
      },
      { providers: [Warehouse] },
    ],
    [
      'what exists',
      { provide: StatusMapper, useExisting: DelegatingMapper },
      { providers: [Warehouse, DelegatingMapper] },
    ],
  ])('accepts %s as an override', async (_, override, options = {}) => {
    const mapper = await mapperOf({ overrides: [override], ...options });
    expect(await mapper.map(order, {} as RetailerScope)).toHaveProperty('orderState');
    expect(mapper).not.toBeInstanceOf(SettingsStatusMapper);
  });

  it('gives a module of the partner everything that the connector provides', async () => {
    @Injectable()
    class Report {
      constructor(
        readonly fluent: FluentClient,
        readonly lookup: OrderLookup,
        readonly warehouse: Warehouse,
      ) {}
    }
    @Module({ imports: [ConnectorModule.register({ env, providers: [Warehouse] })], providers: [Report] })
    class AppModule {}
    const app = await build(AppModule);
    expect(app.get(Report).lookup).toBe(app.get(OrderLookup));
    expect(app.get(Report).warehouse).toBe(app.get(Warehouse));
  });

  it('refuses by name a class that is not replaceable, has two overrides, or overrides itself', () => {
    const register = (...overrides: unknown[]) =>
      ConnectorModule.register({ overrides: overrides as Override[] });
    expect(() => register({ provide: Warehouse, useValue: 1 })).toThrow(
      /Warehouse is not replaceable; the replaceable classes are SignatureVerifier, .*FluentClient/,
    );
    expect(() =>
      register({ provide: StatusMapper, useValue: fixed }, { provide: StatusMapper, useValue: fixed }),
    ).toThrow(/StatusMapper has two overrides/);
    expect(() => register({ provide: StatusMapper, useExisting: StatusMapper })).toThrow(
      /StatusMapper is overridden by itself/,
    );
  });

  it('refuses a replaceable class in providers, with the line to write instead', async () => {
    expect(
      await problemOf({ providers: [{ provide: StatusMapper, useClass: DelegatingMapper }, Warehouse] }),
    ).toBe(
      'ConnectorModule.register({ overrides }): the provider of StatusMapper in PartnerModule has no effect; ' +
        'remove it and write overrides: [{ provide: StatusMapper, useClass: DelegatingMapper }].',
    );
    expect(await problemOf({ providers: [{ provide: OrderLookup, useValue: fixed }] })).toContain(
      'write overrides: [{ provide: OrderLookup, useFactory: … }]',
    );
  });

  it('refuses a replaceable class that a module of the application provides', async () => {
    @Module({
      imports: [ConnectorModule.register({ env })],
      providers: [Warehouse, { provide: StatusMapper, useClass: DelegatingMapper }],
    })
    class AppModule {}
    await expect(build(AppModule)).rejects.toThrow(/the provider of StatusMapper in AppModule has no effect/);
  });

  it('refuses a handler without its decorator', () => {
    class Forgotten {
      async handle(): Promise<void> {}
    }
    expect(() => ConnectorModule.register({ handlers: [Forgotten] })).toThrow(
      /Forgotten is in register\(\{ handlers \}\) but has no @NotificationHandler/,
    );
  });

  it('does not start with an override that lacks a method, and names the class and the method', async () => {
    class Lookup {}
    const overrides = [
      { provide: FluentClient, useValue: { query: async () => ({}), getOrder: async () => undefined } },
      { provide: OrderLookup, useClass: Lookup },
      { provide: StatusMapper, useFactory: async () => null },
    ] as unknown as Override[];
    expect(await problemOf({ overrides })).toMatch(
      /StatusMapper, null, has no map\(\); .*OrderLookup, Lookup, has no find\(\); .*FluentClient, Object, has no throwIfCircuitOpen\(\), ordersUpdatedSince\(\), getSettings\(\)/,
    );
  });

  it('names the replaceable class whose override misses a dependency', async () => {
    const overrides: Override[] = [{ provide: StatusMapper, useClass: DelegatingMapper }];
    expect(await problemOf({ overrides })).toMatch(
      /override of StatusMapper cannot be built: .*DelegatingMapper \(.*\?.*Warehouse.*providers/,
    );
    const factory: Override = {
      provide: OrderLookup,
      inject: ['MISSING'],
      useFactory: () => ({ find: async () => undefined }),
    };
    expect(await problemOf({ overrides: [factory] })).toMatch(
      /override of OrderLookup cannot be built: .*MISSING/,
    );
  });

  it.each([
    [
      'useClass',
      (mapper: Type<StatusMapper>) => ({ overrides: [{ provide: StatusMapper, useClass: mapper }] }),
    ],
    [
      'useExisting',
      (mapper: Type<StatusMapper>) => ({
        providers: [mapper],
        overrides: [{ provide: StatusMapper, useExisting: mapper }],
      }),
    ],
  ])('says what to do when an override by %s delegates to itself', async (_, options) => {
    @Injectable()
    class Circular extends StatusMapper {
      constructor(readonly inner: StatusMapper) {
        super();
      }
      async map(of: FluentOrder, scope: RetailerScope): Promise<OrderStates> {
        return this.inner.map(of, scope);
      }
    }
    expect(await problemOf(options(Circular))).toMatch(
      /override of StatusMapper cannot be built: .*by the default's own class/,
    );
  });
});

describe('ConnectorModule.registerAsync', () => {
  it('takes the environment from a factory that injects', async () => {
    @Injectable()
    class Vault {
      read = async () => 'FROM_VAULT';
    }
    @Module({ providers: [Vault], exports: [Vault] })
    class VaultModule {}
    const app = await build(
      ConnectorModule.registerAsync({
        imports: [VaultModule],
        inject: [Vault],
        useFactory: async (vault: Vault) => ({ env: { ...env, FLUENT_ACCOUNT_ID: await vault.read() } }),
        overrides: [{ provide: StatusMapper, useValue: fixed }],
      }),
    );
    expect(app.get(ConnectorConfig).account('FROM_VAULT')?.id).toBe('FROM_VAULT');
    expect(app.get(StatusMapper)).toBe(fixed);
  });
});

describe('the types', () => {
  class NoMapper {
    constructor(readonly settings: SettingsSource) {}
    async get(): Promise<SettingValue | undefined> {
      return undefined;
    }
  }

  it('refuse an override that does not fit the replaceable class', () => {
    expectTypeOf<{ provide: typeof StatusMapper; useClass: typeof DelegatingMapper }>().toExtend<Override>();
    expectTypeOf<{ provide: typeof SettingsSource; useClass: typeof NoMapper }>().toExtend<Override>();
    const accept = (override: Override): Override => override;
    // @ts-expect-error a class without the replaceable class's methods
    accept({ provide: StatusMapper, useClass: NoMapper });
    // @ts-expect-error a value without the replaceable class's methods
    accept({ provide: StatusMapper, useValue: {} });
    // @ts-expect-error a state that commercetools does not have
    accept({ provide: StatusMapper, useValue: { map: async () => ({ orderState: 'Lost' }) } });
    // @ts-expect-error a factory of something else
    accept({ provide: OrderLookup, useFactory: () => fixed });
    // @ts-expect-error an existing class that is something else
    accept({ provide: OrderLookup, useExisting: DelegatingMapper });
    // @ts-expect-error a token that is not replaceable
    accept({ provide: Warehouse, useClass: Warehouse });
    // @ts-expect-error a class that has no handle
    const options: Parameters<typeof ConnectorModule.register>[0] = { handlers: [Warehouse] };
    expect(options?.handlers).toHaveLength(1);
  });

  it('take a handler as it is', () => {
    @NotificationHandler('parcel-shipped')
    class ParcelShipped {
      async handle(): Promise<void> {}
    }
    expect(ConnectorModule.register({ handlers: [ParcelShipped] }).module).toBe(ConnectorModule);
  });
});
