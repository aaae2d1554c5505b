import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Controller, Get, Injectable, Module } from '@nestjs/common';
import { IsString } from 'class-validator';
import { describe, expect, vi } from 'vitest';
import {
  ConnectorModule,
  FluentClient,
  NotificationHandler,
  OrderStatusHook,
  PermanentError,
  SettingsStatusMapper,
  StatusMapper,
  type FluentNotification,
  type FluentOrder,
  type HandlerContext,
  type HookedOrder,
  type NotificationHandlerContract,
  type OrderStates,
  type OrderStatusHookContract,
  type OrderUpdateAction,
  type RetailerScope,
} from '../src/index.js';
import { it } from './support/harness.js';
import { WAIT } from './support/wait.js';

/** The first failure is the last: dead letters are there at once. */
const NO_RETRY = { RETRY_MAX_AGE: '0' };

describe('a handler that asks for a long memory', () => {
  class Counts implements NotificationHandlerContract {
    runs = 0;
    handle(): Promise<void> {
      this.runs++;
      return Promise.resolve();
    }
  }

  @NotificationHandler({ names: 'mail', dedupeWindowSeconds: 7 * 86_400 })
  @Injectable()
  class Mailer extends Counts {}

  @NotificationHandler('note')
  @Injectable()
  class Notes extends Counts {}

  it('does not run for a webhook that is replayed after DEDUPE_WINDOW', async ({ startTestConnector }) => {
    const connector = await startTestConnector({
      handlers: [Mailer, Notes],
      env: { DEDUPE_WINDOW: '1' },
    });
    const runs = async (Handler: typeof Mailer | typeof Notes, name: string): Promise<number> => {
      await connector.send({ name, id: name });
      await connector.settled();
      return connector.app.get(Handler).runs;
    };
    expect(await runs(Mailer, 'mail')).toBe(1);
    expect(await runs(Notes, 'note')).toBe(1);
    // The other handler's webhook tells that DEDUPE_WINDOW is over.
    await vi.waitFor(async () => expect(await runs(Notes, 'note')).toBe(2), WAIT);
    expect(await runs(Mailer, 'mail')).toBe(1);
  });
});

describe('an order status hook', () => {
  const FIELD = 'trackingNumber';

  interface Attributes {
    readonly attributes: readonly { readonly name: string; readonly value: unknown }[] | null;
  }
  interface Custom {
    readonly custom: {
      readonly customFieldsRaw: readonly { readonly name: string; readonly value: unknown }[];
    } | null;
  }

  @OrderStatusHook({
    fluentFields: 'fragment Attributes on Order { attributes { name value } }',
    commercetoolsFields: `
      fragment Tracking on Order { custom { ...Fields } }
      fragment Fields on CustomFieldsType { customFieldsRaw(includeNames: ["${FIELD}"]) { name value } }
    `,
  })
  @Injectable()
  class TrackingNumber implements OrderStatusHookContract<Attributes, Custom> {
    actions({ fluentOrder, commercetoolsOrder }: HookedOrder<Attributes, Custom>): OrderUpdateAction[] {
      const wanted = fluentOrder.fields.attributes?.find(({ name }) => name === FIELD)?.value;
      const { custom } = commercetoolsOrder.fields;
      const current = custom?.customFieldsRaw.find(({ name }) => name === FIELD)?.value;
      if (wanted === undefined || wanted === current) return [];
      const field = { name: FIELD, value: JSON.stringify(wanted) };
      return custom
        ? [{ setCustomField: field }]
        : [{ setCustomType: { type: { typeId: 'type', key: 'fulfilment' }, fields: [field] } }];
    }
  }

  @OrderStatusHook()
  @Injectable()
  class NoClickAndCollect implements OrderStatusHookContract {
    skip = ({ fluentOrder }: HookedOrder): boolean => fluentOrder.type === 'CC';
  }

  it('sets a custom field in the same mutation as the states, and only once', async ({
    startTestConnector,
  }) => {
    const connector = await startTestConnector({ providers: [TrackingNumber] });
    const tracking = [{ name: FIELD, type: 'STRING', value: 'T-"1"' }];
    const { fluent } = connector.addOrder({ ref: 'O_1', attributes: tracking });
    const order = () => connector.commercetools.order('O_1');

    await connector.fluent.move(fluent.id, 'BOOKED');
    await connector.settled();
    expect(order()).toMatchObject({
      orderState: 'Confirmed',
      paymentState: 'Paid',
      custom: { type: 'fulfilment', fields: { [FIELD]: 'T-"1"' } },
    });
    expect(order()?.history).toHaveLength(2);

    // Nothing to do for anybody: nothing is sent.
    await connector.fluent.notify(fluent.id);
    await connector.settled();
    expect(order()?.history).toHaveLength(2);
    expect(connector.runs.at(-1)?.outcome).toBe('unchanged');

    // A status that no mapping knows: the hook acts all the same.
    const other = connector.addOrder({ ref: 'O_2', attributes: tracking });
    await connector.fluent.move(other.fluent.id, 'UNHEARD_OF');
    await connector.settled();
    expect(connector.commercetools.order('O_2')).toMatchObject({
      orderState: 'Open',
      custom: { fields: { [FIELD]: 'T-"1"' } },
    });
    expect(connector.runs.at(-1)?.outcome).toBe('updated');
  });

  it('keeps orders from being changed', async ({ startTestConnector }) => {
    const connector = await startTestConnector({ providers: [NoClickAndCollect] });
    const { fluent } = connector.addOrder({ ref: 'O_1', type: 'CC' });
    await connector.fluent.move(fluent.id, 'BOOKED');
    await connector.settled();
    expect(connector.runs.map(({ outcome }) => outcome)).toEqual(['unchanged']);
    expect(connector.commercetools.order('O_1')?.history).toHaveLength(1);
  });
});

describe("a partner's application", () => {
  class ParcelAttributes {
    @IsString()
    TrackingNumber!: string;
  }

  @Injectable()
  class Parcels {
    readonly seen: string[] = [];
  }

  @NotificationHandler({ names: 'parcel.*', attributes: ParcelAttributes })
  @Injectable()
  class ParcelHandler {
    constructor(
      private readonly parcels: Parcels,
      private readonly fluent: FluentClient,
    ) {}

    async handle(
      { entityId, name }: FluentNotification,
      { attributes, scope, signal, account, retailerId }: HandlerContext<ParcelAttributes>,
    ): Promise<void> {
      const order = await this.fluent.getOrder(scope, entityId, { signal });
      this.parcels.seen.push([name, attributes.TrackingNumber, order?.status, account.id, retailerId].join());
    }
  }

  @Injectable()
  class LostMapper extends StatusMapper {
    constructor(private readonly defaults: SettingsStatusMapper) {
      super();
    }
    async map(order: FluentOrder, scope: RetailerScope): Promise<OrderStates> {
      return order.status === 'LOST' ? { orderState: 'Cancelled' } : this.defaults.map(order, scope);
    }
  }

  @Controller('parcels')
  class ParcelController {
    constructor(private readonly parcels: Parcels) {}
    @Get()
    list(): string[] {
      return this.parcels.seen;
    }
    @Get('broken')
    broken(): never {
      throw new Error('secret');
    }
  }

  @Module({
    imports: [
      ConnectorModule.register({
        providers: [Parcels],
        handlers: [ParcelHandler],
        overrides: [{ provide: StatusMapper, useClass: LostMapper }],
      }),
    ],
    controllers: [ParcelController],
  })
  class AppModule {}

  it('has its own routes, handlers and overrides on the same server', async ({ startTestConnector }) => {
    const connector = await startTestConnector({ module: AppModule });
    const { fluent } = connector.addOrder({ ref: 'O_1' });
    await connector.fluent.move(fluent.id, 'LOST');
    const { id } = await connector.send({
      name: 'parcel.shipped',
      entityId: fluent.id,
      attributes: { TrackingNumber: 'T-1' },
    });
    await connector.waitForRun({ id });
    await connector.settled();
    expect(connector.commercetools.order('O_1')?.orderState).toBe('Cancelled');

    const { accountId, retailerId } = connector.fluent;
    const list = await fetch(`${connector.url}/parcels`);
    expect(await list.json()).toEqual([`parcel.shipped,T-1,LOST,${accountId},${retailerId}`]);
    const broken = await fetch(`${connector.url}/parcels/broken`);
    expect(broken.headers.get('content-type')).toContain('application/problem+json');
    expect(await broken.text()).not.toContain('secret');

    const metrics = await (await fetch(`${connector.url}/metrics`)).text();
    expect(metrics).toContain(
      `notifications_total{account="${accountId}",name="parcel.*",outcome="updated"} 1`,
    );
    expect(metrics).not.toContain('parcel.shipped');
  });

  it('gets a dead letter that names the fields when attributes do not fit their class', async ({
    startTestConnector,
  }) => {
    const connector = await startTestConnector({ module: AppModule });
    const { id } = await connector.send({ name: 'parcel.lost', attributes: { TrackingNumber: 1 } });
    const run = await connector.waitForRun({ id, outcome: 'dead' });
    expect(run.attempt).toBe(1);
    expect(run.error).toBeInstanceOf(PermanentError);
    expect(run.error?.message).toContain('break ParcelAttributes: TrackingNumber must be a string');
  });
});

describe("a partner's class that fails", () => {
  it.for<[string, unknown, RegExp]>([
    [
      'throws at once',
      () => {
        throw new TypeError('oops');
      },
      /^Fragile\.handle\(\) failed: TypeError: oops/,
    ],
    ['rejects with something other than an Error', () => Promise.reject(7), /^Fragile\.handle\(\) failed: 7/],
    ['hangs', () => new Promise(() => undefined), /^Fragile did not finish within 50 ms/],
    ['returns nonsense', async () => ({ outcome: 'fine' }), /^Fragile\.handle\(\) returned no outcome/],
  ])(
    'costs only its notification and is named in the dead letter when it %s',
    async ([, body, message], { startTestConnector }) => {
      @NotificationHandler({ names: 'fragile', timeoutMs: 50 })
      class Fragile implements NotificationHandlerContract {
        handle = body as NotificationHandlerContract['handle'];
      }
      const connector = await startTestConnector({ handlers: [Fragile], env: NO_RETRY });
      const { fluent } = connector.addOrder({ ref: 'O_1' });
      await connector.send({ name: 'fragile' });
      await connector.fluent.move(fluent.id, 'BOOKED');
      await connector.waitForRun({ outcome: 'dead' });
      await connector.settled();
      const [letter, ...others] = await connector.queue.deadLetters();
      expect(others).toEqual([]);
      expect(letter?.error.message).toMatch(message);
      expect(connector.commercetools.order('O_1')?.orderState).toBe('Confirmed');
    },
  );

  it('is retried, and may recover', async ({ startTestConnector }) => {
    let failures = 2;
    @Injectable()
    class Moody extends StatusMapper {
      async map(): Promise<OrderStates> {
        return failures-- > 0
          ? ({ orderState: 'Nonsense' } as unknown as OrderStates)
          : { orderState: 'Complete' };
      }
    }
    const connector = await startTestConnector({ overrides: [{ provide: StatusMapper, useClass: Moody }] });
    const { fluent } = connector.addOrder({ ref: 'O_1' });
    await connector.fluent.move(fluent.id, 'BOOKED');
    await connector.waitForRun({ outcome: 'updated' });
    const retried = connector.runs.filter(({ outcome }) => outcome === 'retried');
    expect(retried.map(({ error }) => error?.message)).toEqual([
      expect.stringMatching(/^Moody\.map\(\) returned the orderState "Nonsense"; allowed are Open/),
      expect.stringMatching(/^Moody\.map\(\)/),
    ]);
    expect(connector.commercetools.order('O_1')?.orderState).toBe('Complete');
  });

  it('does not refuse a webhook when coalesce or expectedState fail', async ({ startTestConnector }) => {
    const fail = (): never => {
      throw new Error('oops');
    };
    @NotificationHandler({ names: 'fragile', coalesce: fail, expectedState: fail })
    class Fragile implements NotificationHandlerContract {
      async handle(): Promise<void> {}
    }
    const connector = await startTestConnector({ handlers: [Fragile] });
    const sent = await connector.send({ name: 'fragile' });
    expect(sent.result).toBe('accepted');
    expect(await connector.waitForRun({ id: sent.id })).toMatchObject({ outcome: 'updated' });
  });
});

it('runs a handler no more often at once than its limit allows, and uses up no attempt', async ({
  startTestConnector,
}) => {
  let running = 0;
  let most = 0;
  let open = (): void => undefined;
  const opened = new Promise<void>((resolve) => (open = resolve));
  @NotificationHandler({ names: 'slow', concurrency: 1 })
  class Slow implements NotificationHandlerContract {
    async handle(): Promise<void> {
      most = Math.max(most, ++running);
      await opened;
      // Others may begin meanwhile, if they are let.
      await new Promise(setImmediate);
      running--;
    }
  }
  const connector = await startTestConnector({ handlers: [Slow], env: { QUEUE_CONCURRENCY: '4' } });
  const slow = await Promise.all(
    Array.from({ length: 8 }, (_, n) => connector.send({ name: 'slow', entityId: String(n) })),
  );
  const { fluent } = connector.addOrder({ ref: 'O_1' });
  await connector.fluent.move(fluent.id, 'BOOKED');
  // More notifications wait than the queue has places, and the first one has not ended.
  await vi.waitFor(() => expect(connector.commercetools.order('O_1')?.orderState).toBe('Confirmed'), WAIT);
  expect(most).toBe(1);

  open();
  const runs = await Promise.all(slow.map(({ id }) => connector.waitForRun({ id }, 40_000)));
  expect(runs.map(({ outcome, attempt }) => `${outcome} ${attempt}`)).toEqual(slow.map(() => 'updated 1'));
  expect(most).toBe(1);
});

it('reads the mappings from SETTINGS_FILE, and does not start without the file', async ({
  startTestConnector,
}) => {
  const dir = mkdtempSync(join(tmpdir(), 'connector-mappings-'));
  const path = join(dir, 'mappings.yaml');
  writeFileSync(path, 'fc.connect.commercetools.order.order-status-mapping: { fluent: { ODD: complete } }\n');
  const off = { PAYMENT_STATUS_MAPPING_SETTING: 'off', SHIPPING_STATUS_MAPPING_SETTING: 'off' };
  try {
    const connector = await startTestConnector({ env: { SETTINGS_FILE: path, ...off } });
    const { fluent } = connector.addOrder({ ref: 'O_1' });
    await connector.fluent.move(fluent.id, 'ODD');
    await connector.settled();
    expect(connector.commercetools.order('O_1')?.orderState).toBe('Complete');
    await expect(startTestConnector({ env: { SETTINGS_FILE: join(dir, 'missing.yaml') } })).rejects.toThrow(
      /SETTINGS_FILE .*missing\.yaml cannot be used: ENOENT/,
    );
  } finally {
    rmSync(dir, { recursive: true });
  }
});

describe('the process of an application', () => {
  it.override('fluentOptions', { webhookRetry: { delaysMs: [] } });

  it('survives a promise that a handler left behind, and ends on an uncaught exception', async ({
    harness,
  }) => {
    const { fluent, lines } = harness;
    const app = await harness.startConnector(
      {},
      { command: [process.execPath, 'test/support/forgetful-app.mjs'], cwd: process.cwd() },
    );
    const send = (name: string) =>
      fluent.webhooks.send({
        id: `${name}-1`,
        name,
        accountId: fluent.accountId,
        retailerId: fluent.retailerId,
        entityType: 'ORDER',
        entityId: '1',
        entityRef: 'O_1',
        attributes: {},
      });
    const logged = (text: string) => vi.waitFor(() => expect(JSON.stringify(lines)).toContain(text), WAIT);

    await send('forgetful');
    await logged('unhandled promise rejection');
    await logged('notification updated');
    expect(await app.status('/health/ready')).toBe(200);

    await send('reckless');
    await logged('unexpected error; ending the process');
    expect(await app.exitCode()).not.toBe(0);
  });
});
