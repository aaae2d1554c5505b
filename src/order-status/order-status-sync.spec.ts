import { Injectable, Module, type Provider } from '@nestjs/common';
import { DiscoveryModule } from '@nestjs/core';
import { Test } from '@nestjs/testing';
import { pino } from 'pino';
import { describe, expect, expectTypeOf, it, vi } from 'vitest';
import {
  CommercetoolsOrders,
  ConflictError,
  untypedAction,
  type CommercetoolsClient,
  type CommercetoolsOrder,
  type OrderLookup,
  type OrderLookupOptions,
  type OrderUpdate,
  type OrderUpdateAction,
} from '../commercetools/index.js';
import type { ConnectorConfig, RetailerScope } from '../config/index.js';
import { ConfigurationError, PermanentError, TransientError } from '../errors.js';
import type { FluentClient, FluentOrderOptions } from '../fluent/index.js';
import { SettingsStatusMapper, type StatusMapper } from '../mapping/index.js';
import { ConnectorMetrics } from '../metrics/index.js';
import type { PassedStatus, StatusHistory } from '../status-history/index.js';
import {
  OrderStatusHook,
  type HookedOrder,
  type OrderStatusHookContract,
  type OrderStatusHookOptions,
} from './order-status-hook.js';
import { OutageError } from '../transport/index.js';
import { HookFieldsCheck } from './hook-fields-check.js';
import { OrderStatusHooks } from './order-status-hooks.js';
import type { OrderOwners } from './order-owners.js';
import { OrderStatusSync, type OrderToSync, type SyncResult } from './order-status-sync.js';
import { SkippedStatuses } from './skipped-statuses.js';

const SCOPE = { account: { id: 'ACME' }, retailerId: '1', project: { key: 'shop' } } as RetailerScope;
const CURRENT: CommercetoolsOrder = { id: 'ct-1', version: 3, orderState: 'Open' };
const FLUENT = { id: '1', ref: 'O_1', type: 'HD', status: 'BOOKED', retailerId: '1', attributes: [] };

class Lookup {
  find = async (_order?: unknown): Promise<unknown> => ({ ...CURRENT, fields: {} });
}
class Commercetools {
  query = async (): Promise<unknown> => ({});
}
class Fluent {
  query = async (): Promise<unknown> => ({});
  getOrder = async (): Promise<unknown> => ({ ...FLUENT, fields: {} });
}
class Mapper {
  map = async (): Promise<unknown> => ({ orderState: 'Confirmed' });
}
class History {
  passed = async (): Promise<unknown> => [];
}
class Update {
  readonly sent: (readonly OrderUpdateAction[])[] = [];
  apply = async (_: CommercetoolsOrder, actions: readonly OrderUpdateAction[]): Promise<void> =>
    void this.sent.push(actions);
}

const METRICS = { hookFailures: { inc: () => undefined } };

async function hooksOf(...providers: Provider[]): Promise<OrderStatusHooks> {
  @Module({ providers })
  class PartnerModule {}
  const module = await Test.createTestingModule({
    imports: [DiscoveryModule, PartnerModule],
    providers: [OrderStatusHooks, { provide: ConnectorMetrics, useValue: METRICS }],
  }).compile();
  await module.init();
  return module.get(OrderStatusHooks);
}

class Setup {
  readonly lookup = new Lookup();
  readonly fluent = new Fluent();
  readonly commercetools = new Commercetools();
  hooks?: OrderStatusHooks;
  readonly mapper = new Mapper();
  settingsMapper = new SettingsStatusMapper({ get: async () => undefined });
  readonly update = new Update();
  readonly history = new History();
  isHistoryOn = true;
  mayWrite = vi.fn<() => Promise<boolean>>(async () => true);
  scope = SCOPE;
  conflicts = 0;
  dryRun = false;
  readonly logger = pino({ level: 'silent' });

  async sync(
    hooks: readonly Provider[] = [],
    signal = new AbortController().signal,
    order: OrderToSync = { id: '1', ref: 'O_1' },
  ): Promise<SyncResult> {
    const mapper = this.mapper as unknown as StatusMapper;
    const config = {
      orderNotFoundMaxAgeSeconds: 1,
      accounts: [{ id: 'ACME' }],
      projects: [{ key: 'shop' }],
      statusHistory: { isOn: this.isHistoryOn },
    } as unknown as ConnectorConfig;
    const lookup = this.lookup as unknown as OrderLookup;
    const metrics = { conflicts: { inc: () => (this.conflicts += 1) } } as unknown as ConnectorMetrics;
    const found = await hooksOf(...hooks);
    this.hooks = found;
    return new OrderStatusSync(
      lookup,
      new CommercetoolsOrders(lookup, this.update satisfies OrderUpdate, config, metrics),
      mapper,
      this.fluent as unknown as FluentClient,
      config,
      found,
      new HookFieldsCheck(
        found,
        config,
        this.fluent as unknown as FluentClient,
        this.commercetools as unknown as CommercetoolsClient,
      ),
      new SkippedStatuses(this.history as unknown as StatusHistory, mapper, config),
      { mayWrite: this.mayWrite } as unknown as OrderOwners,
      this.settingsMapper,
    ).sync(order, this.scope, { signal, logger: this.logger, dryRun: this.dryRun });
  }
}

const throwing = (error: unknown) => async (): Promise<never> => {
  throw error;
};

describe('the ref of an order', () => {
  it('is refused when Fluent has another one: nothing is written to the order that it names', async () => {
    const setup = new Setup();
    setup.fluent.getOrder = async () => ({ ...FLUENT, ref: 'O_2' });
    const failure = setup.sync();
    await expect(failure).rejects.toThrow(
      'Fluent order 1 (account ACME) has the ref O_2, but the notification says O_1; ' +
        "correct the webhook's rule in Fluent: entityRef or rootEntityRef names another order",
    );
    await expect(failure).rejects.toBeInstanceOf(PermanentError);
    await expect(failure).rejects.toMatchObject({ code: 'WrongOrderRef' });
    expect(setup.update.sent).toEqual([]);
  });

  it('comes from Fluent when the notification does not contain it', async () => {
    const setup = new Setup();
    const looked: unknown[] = [];
    setup.lookup.find = async (order?: unknown) => {
      looked.push(order);
      return { ...CURRENT, fields: {} };
    };
    expect(await setup.sync([], undefined, { id: '1' })).toMatchObject({ outcome: 'updated' });
    expect(looked).toEqual([{ id: '1', ref: 'O_1' }]);
  });
});

describe('an order that is not where the notification says', () => {
  it.each([undefined, null])('is asked for again when Fluent answers %j', async (nothing) => {
    const setup = new Setup();
    setup.fluent.getOrder = async () => nothing;
    const failure = setup.sync();
    await expect(failure).rejects.toThrow(
      'Fluent account ACME has no order with id 1 (ref O_1); ' +
        'check that the webhook comes from this account and that FLUENT_USERNAME may read its orders',
    );
    await expect(failure).rejects.toMatchObject({
      name: 'TransientError',
      code: 'FluentOrderNotFound',
      maxAgeSeconds: 1,
    });
    await expect(setup.sync([], undefined, { id: '1' })).rejects.toThrow('(ref unknown)');
  });

  it('is refused when it belongs to another retailer', async () => {
    const setup = new Setup();
    setup.fluent.getOrder = async () => ({ ...FLUENT, retailerId: '2' });
    const failure = setup.sync();
    await expect(failure).rejects.toThrow(
      'Fluent order 1 (ref O_1, account ACME) belongs to retailer 2, but the notification says 1; ' +
        "correct the webhook's rule in Fluent",
    );
    await expect(failure).rejects.toMatchObject({ name: 'PermanentError', code: 'WrongRetailer' });
    expect(setup.update.sent).toEqual([]);
  });

  it.each([undefined, null])('is waited for when commercetools answers %j', async (nothing) => {
    const setup = new Setup();
    setup.lookup.find = async () => nothing;
    setup.scope = { ...SCOPE, orderLookup: 'orderNumber' };
    const failure = setup.sync();
    await expect(failure).rejects.toThrow(
      'commercetools project shop has no order for the Fluent ref O_1 (account ACME, looked up by orderNumber); ' +
        'if the order should exist, check ORDER_LOOKUP and ORDER_REF_PREFIX',
    );
    await expect(failure).rejects.toMatchObject({
      name: 'OrderNotFoundError',
      code: 'OrderNotFound',
      maxAgeSeconds: 1,
    });
    setup.scope = { ...setup.scope, orderRefPrefix: 'F-' };
    await expect(setup.sync()).rejects.toThrow('looked up by orderNumber without the prefix F-)');
  });
});

describe('an order that another Fluent order owns', () => {
  it('is left as it is', async () => {
    const setup = new Setup();
    setup.mayWrite.mockResolvedValue(false);
    const { outcome, states, reasons } = await setup.sync();
    expect([outcome, states]).toEqual(['unchanged', {}]);
    const reason = 'left alone: the order is cancelled, and another Fluent order owns this one';
    expect(reasons).toEqual({ orderState: reason, paymentState: reason, shipmentState: reason });
    expect(setup.update.sent).toEqual([]);
  });

  it('is asked for its owner only when a state would change', async () => {
    const setup = new Setup();
    setup.mapper.map = async () => ({ orderState: 'Open' });
    expect(await setup.sync()).toMatchObject({ outcome: 'unchanged' });
    @OrderStatusHook()
    class Noting implements OrderStatusHookContract {
      actions = () => [untypedAction('note', {})];
    }
    expect(await setup.sync([Noting])).toMatchObject({ outcome: 'updated' });
    expect(setup.update.sent).toEqual([[{ note: {} }]]);
    expect(setup.mayWrite).not.toHaveBeenCalled();
  });
});

describe('a dry run', () => {
  it('computes everything, sends nothing and claims no order', async () => {
    const setup = new Setup();
    setup.dryRun = true;
    expect(await setup.sync()).toMatchObject({
      outcome: 'updated',
      states: { orderState: 'Confirmed' },
      before: { orderState: 'Open' },
      actions: [{ changeOrderState: { orderState: 'Confirmed' } }],
    });
    expect(setup.update.sent).toEqual([]);
    expect(setup.mayWrite).not.toHaveBeenCalled();
  });

  it('finds nothing to do when the order is up to date', async () => {
    const setup = new Setup();
    setup.dryRun = true;
    setup.mapper.map = async () => ({ orderState: 'Open' });
    expect(await setup.sync()).toMatchObject({ outcome: 'unchanged', actions: [] });
  });
});

describe('a conflict with another writer', () => {
  /** @param random what the pause is made of; not replaced earlier, because Nest names its modules with it. */
  const always = (random: number) => async (): Promise<never> => {
    vi.spyOn(Math, 'random').mockReturnValue(random);
    throw new ConflictError('conflict');
  };

  it('is counted and logged, and the order is read again, five times at most', async () => {
    const setup = new Setup();
    const find = vi.spyOn(setup.lookup, 'find');
    const debug = vi.spyOn(setup.logger, 'debug');
    setup.update.apply = always(0);
    await expect(setup.sync()).rejects.toBeInstanceOf(ConflictError);
    expect([setup.conflicts, find.mock.calls.length]).toEqual([5, 5]);
    expect(debug.mock.calls).toEqual(
      [1, 2, 3, 4, 5].map((round) => [
        { orderRef: 'O_1', round },
        'another client has changed the order; reading it again',
      ]),
    );
  });

  it('is followed by a pause that grows with every round', async () => {
    const setup = new Setup();
    setup.update.apply = always(0.2);
    const startedAt = performance.now();
    await expect(setup.sync()).rejects.toBeInstanceOf(ConflictError);
    // 10, 20, 30 and 40 ms; timers count in whole milliseconds.
    expect(performance.now() - startedAt).toBeGreaterThan(95);
  });

  it('is followed by no further round once the time is up', async () => {
    const setup = new Setup();
    const end = new AbortController();
    setup.update.apply = async () => {
      setImmediate(() => end.abort(new TransientError('time is up')));
      return always(10_000)();
    };
    await expect(setup.sync([], end.signal)).rejects.toThrow('The operation was aborted');
    expect(setup.conflicts).toBe(1);
  });

  it('is not seen in any other error', async () => {
    const setup = new Setup();
    setup.update.apply = throwing(new TransientError('commercetools is down'));
    await expect(setup.sync()).rejects.toThrow('commercetools is down');
    expect(setup.conflicts).toBe(0);
  });
});

describe('an override', () => {
  it.each<[string, (setup: Setup) => void, RegExp]>([
    [
      'mapper that throws',
      ({ mapper }) => (mapper.map = throwing(new TypeError('oops'))),
      /^Mapper\.map\(\) failed: TypeError: oops$/,
    ],
    [
      'mapper that throws at once',
      ({ mapper }) =>
        (mapper.map = () => {
          throw new Error('now');
        }),
      /^Mapper\.map\(\) failed: Error: now$/,
    ],
    [
      'mapper that rejects with no Error',
      ({ mapper }) => (mapper.map = throwing('text')),
      /^Mapper\.map\(\) failed: text$/,
    ],
    [
      'mapper that returns nothing',
      ({ mapper }) => (mapper.map = async () => undefined),
      /^Mapper\.map\(\) returned something other than an object with states$/,
    ],
    [
      'mapper that returns a list',
      ({ mapper }) => (mapper.map = async () => ['Open']),
      /^Mapper\.map\(\) returned something other than an object/,
    ],
    [
      'mapper with a state that there is not',
      ({ mapper }) => (mapper.map = async () => ({ paymentState: 'paid' })),
      /^Mapper\.map\(\) returned the paymentState "paid"; allowed are BalanceDue, /,
    ],
    [
      'mapper that returns null for a state',
      ({ mapper }) => (mapper.map = async () => ({ orderState: null })),
      /returned the orderState null/,
    ],
    [
      'client that throws',
      ({ fluent }) => (fluent.getOrder = throwing(new Error('oops'))),
      /^Fluent\.getOrder\(\) failed: Error: oops$/,
    ],
    [
      'look-up that throws',
      ({ lookup }) => (lookup.find = throwing(new Error('oops'))),
      /^Lookup\.find\(\) failed: Error: oops$/,
    ],
    [
      'look-up without a version',
      ({ lookup }) => (lookup.find = async () => ({ id: 'x' })),
      /^Lookup\.find\(\) returned something other than an order with an id and a version$/,
    ],
    [
      'look-up that returns text',
      ({ lookup }) => (lookup.find = async () => 'x'),
      /^Lookup\.find\(\) returned something other than an order/,
    ],
    [
      'look-up without an id',
      ({ lookup }) => (lookup.find = async () => ({ id: '', version: 3 })),
      /^Lookup\.find\(\) returned something other than an order with an id and a version$/,
    ],
    [
      'client without a status',
      ({ fluent }) => (fluent.getOrder = async () => ({ retailerId: '1' })),
      /^Fluent\.getOrder\(\) returned something other than an order with a status/,
    ],
    [
      'update that throws',
      ({ update }) => (update.apply = throwing(new Error('oops'))),
      /^Update\.apply\(\) failed: Error: oops$/,
    ],
  ])('costs the notification a try and is named in the error: a %s', async (_, breakIt, message) => {
    const setup = new Setup();
    breakIt(setup);
    const failure = setup.sync();
    await expect(failure).rejects.toThrow(message);
    await expect(failure).rejects.toBeInstanceOf(TransientError);
    expect(setup.update.sent).toEqual([]);
  });

  it('may answer without a promise', async () => {
    const setup = new Setup();
    setup.lookup.find = (() => CURRENT) as never;
    setup.fluent.getOrder = (() => FLUENT) as never;
    setup.mapper.map = (() => ({ orderState: 'Confirmed' })) as never;
    expect(await setup.sync()).toMatchObject({ outcome: 'updated' });
  });

  it('keeps its say when it throws an error of the connector', async () => {
    const setup = new Setup();
    const error = new ConfigurationError('create the table');
    setup.mapper.map = throwing(error);
    await expect(setup.sync()).rejects.toBe(error);
  });

  it('is named when it hangs', async () => {
    const setup = new Setup();
    setup.mapper.map = () => new Promise(() => undefined);
    const end = new AbortController();
    const failure = setup.sync([], end.signal);
    setTimeout(() => end.abort(new TransientError('time is up')), 20);
    await expect(failure).rejects.toThrow('time is up; it waited for Mapper.map()');
  });
});

const PAYMENT: Readonly<Record<string, object>> = {
  RECEIVED: { orderState: 'Open', paymentState: 'Pending' },
  BOOKED: { orderState: 'Confirmed', paymentState: 'Paid' },
  PICK_PACK: { orderState: 'Confirmed' },
};

/** An order that is at PICK_PACK, which has no payment entry, with its payment still pending. */
class PickPack extends Setup {
  readonly asked: string[] = [];
  order: CommercetoolsOrder = { ...CURRENT, orderState: 'Confirmed', paymentState: 'Pending' };
  log: readonly string[] = ['RECEIVED', 'BOOKED', 'PICK_PACK'];
  overview: () => Promise<unknown> = async () => ({
    sources: [],
    statuses: new Map(Object.entries(PAYMENT)),
  });

  constructor() {
    super();
    this.lookup.find = async () => (this.asked.push('commercetools'), { ...this.order, fields: {} });
    this.fluent.getOrder = async () => (this.asked.push('Fluent'), { ...FLUENT, status: 'PICK_PACK' });
    this.history.passed = async () => {
      this.asked.push('history');
      return this.log.map((status, index) => ({ status, at: new Date(index) }) satisfies PassedStatus);
    };
    this.mapper.map = (async ({ status }: { status: string }) => PAYMENT[status] ?? {}) as never;
    Object.assign(this.mapper, { overview: () => this.overview() });
  }
}

describe('a state that the present status leaves alone', () => {
  it('becomes what the newest passed status with an entry gives, read after both orders', async () => {
    const setup = new PickPack();
    expect(await setup.sync()).toMatchObject({
      outcome: 'updated',
      states: { orderState: 'Confirmed', paymentState: 'Paid' },
      before: { paymentState: 'Pending' },
      skipped: { result: 'filled', isBehind: false, decidedBy: { paymentState: 'BOOKED' } },
    });
    expect(setup.update.sent).toEqual([[{ changePaymentState: { paymentState: 'Paid' } }]]);
    expect(setup.asked).toEqual(['commercetools', 'Fluent', 'history']);
  });

  it('is only one that has no entry: the history is not read for the others', async () => {
    const setup = new PickPack();
    setup.fluent.getOrder = async () => ({ ...FLUENT, status: 'BOOKED' });
    setup.mapper.map = async () => ({ orderState: 'Open', paymentState: 'Paid', shipmentState: 'Shipped' });
    setup.overview = throwing(new Error('not needed'));
    expect((await setup.sync()).skipped).toEqual({ states: {} });
    expect(setup.asked).toEqual(['commercetools']);
  });

  it('has its reason in the setting that decided it, for the present status or for one that the order passed', async () => {
    const setup = new PickPack();
    const entries: Record<string, unknown> = {
      order: { RECEIVED: 'Open', BOOKED: 'Confirmed', PICK_PACK: 'Confirmed' },
      payment: { RECEIVED: 'Pending', BOOKED: 'Paid' },
    };
    setup.settingsMapper = new SettingsStatusMapper({
      get: async (_, [name = '']) => ({ name, context: 'RETAILER 1', value: { fluent: entries[name] } }),
    });
    setup.scope = {
      ...setup.scope,
      mappingSettings: { order: 'order', payment: 'payment', shipping: undefined },
    };
    setup.mapper.map = setup.settingsMapper.map.bind(setup.settingsMapper) as unknown as Mapper['map'];
    setup.order = { ...setup.order, orderState: 'Open' };
    expect((await setup.sync()).reasons).toEqual({
      orderState: 'PICK_PACK = Confirmed in order (RETAILER 1)',
      paymentState: 'passed BOOKED = Paid in payment (RETAILER 1)',
      shipmentState: 'left alone: its mapping is switched off',
    });
  });

  it('is not looked for in the history when it is the only one that the mapping can give', async () => {
    const setup = new PickPack();
    setup.overview = async () => ({
      sources: [],
      statuses: new Map(Object.entries({ BOOKED: { paymentState: 'Pending' }, RECEIVED: {} })),
    });
    expect(await setup.sync()).toMatchObject({ outcome: 'unchanged', skipped: { states: {} } });
    expect(setup.asked).not.toContain('history');
  });

  it('does not count as mapped when its only entry is for another state', async () => {
    const setup = new PickPack();
    setup.fluent.getOrder = async () => ({ ...FLUENT, status: 'ON_HOLD' });
    for (const states of [{ paymentState: 'Paid' }, { shipmentState: 'Shipped' }]) {
      setup.order = { ...setup.order, ...states } as CommercetoolsOrder;
      setup.mapper.map = async () => states;
      expect(await setup.sync()).toMatchObject({ outcome: 'unchanged', states });
    }
  });

  it('names the sources of the mappings, or the mapper when it has no overview', async () => {
    const setup = new PickPack();
    setup.overview = async () => ({ sources: ['the.mapping'], statuses: new Map(Object.entries(PAYMENT)) });
    expect((await setup.sync()).skipped?.sources).toEqual(['the.mapping']);
    setup.overview = async () => undefined;
    expect((await setup.sync()).skipped?.sources).toEqual(['Mapper']);
  });

  it('names every state in doubt, and no status when none is known to have an entry', async () => {
    const setup = new PickPack();
    setup.isHistoryOn = false;
    setup.overview = async () => undefined;
    expect((await setup.sync()).skipped?.doubt).toBe(
      'a state may have stayed behind: paymentState has no entry for PICK_PACK; shipmentState has no entry for ' +
        'PICK_PACK; and the statuses before are not known: STATUS_HISTORY=off',
    );
  });

  it('is not filled in from an override whose overview fails', async () => {
    const setup = new PickPack();
    setup.overview = throwing(new Error('oops'));
    await expect(setup.sync()).rejects.toThrow('Mapper.overview() failed: Error: oops');
  });

  it('stays when the passed statuses give what is there', async () => {
    const setup = new PickPack();
    setup.order = { ...setup.order, paymentState: 'Paid' };
    expect(await setup.sync()).toMatchObject({
      outcome: 'unchanged',
      skipped: { result: 'nothing_skipped' },
    });
  });

  it('stays when another client has written it, without reading the history', async () => {
    const setup = new PickPack();
    setup.order = { ...setup.order, paymentState: 'CreditOwed' };
    expect(await setup.sync()).toMatchObject({ outcome: 'unchanged', skipped: { states: {} } });
    expect(setup.asked).not.toContain('history');
  });

  it('is filled from a history that has not caught up, and asks for one more look', async () => {
    const setup = new PickPack();
    setup.log = ['RECEIVED', 'BOOKED'];
    expect(await setup.sync()).toMatchObject({
      outcome: 'updated',
      skipped: { result: 'filled', isBehind: true },
    });
    setup.log = ['RECEIVED'];
    const { outcome, skipped } = await setup.sync();
    expect([outcome, skipped?.result, skipped?.isBehind]).toEqual(['unchanged', 'unknown', true]);
    expect(skipped?.doubt).toBe(
      'a state may have stayed behind: paymentState has no entry for PICK_PACK, only for RECEIVED, BOOKED; and ' +
        'the statuses before are not known: the status history does not show the present status yet',
    );
  });

  it.each<[string, (setup: PickPack) => void, RegExp]>([
    ['is switched off', (setup) => (setup.isHistoryOn = false), /not known: STATUS_HISTORY=off$/],
    [
      'fails',
      (setup) => (setup.history.passed = throwing(new TransientError('the Event API is down'))),
      /not known: the Event API is down$/,
    ],
    [
      'is an override that throws',
      (setup) => (setup.history.passed = throwing(new TypeError('oops'))),
      /History\.passed\(\) failed: TypeError: oops$/,
    ],
    [
      'is an override that returns nonsense beside statuses',
      (setup) => (setup.history.passed = async () => [{ status: 'BOOKED' }, { state: 'BOOKED' }]),
      /History\.passed\(\) returned something other than a list of/,
    ],
    [
      'is an override that returns nonsense',
      (setup) => (setup.history.passed = async () => [{ state: 'BOOKED' }]),
      /History\.passed\(\) returned something other than a list of/,
    ],
  ])('is in doubt, but does not fail the sync, when the history %s', async (_, breakIt, doubt) => {
    const setup = new PickPack();
    breakIt(setup);
    const { outcome, skipped } = await setup.sync();
    expect([outcome, skipped?.result]).toEqual(['unchanged', 'unknown']);
    expect(skipped?.doubt).toMatch(doubt);
    expect(setup.update.sent).toEqual([]);
  });

  it('is known to be in doubt for an account whose history could not be read the last time', async () => {
    const { history, mapper } = new PickPack();
    const skipped = (isOn: boolean): SkippedStatuses =>
      new SkippedStatuses(
        history as unknown as StatusHistory,
        mapper as unknown as StatusMapper,
        { statusHistory: { isOn } } as unknown as ConnectorConfig,
      );
    expect(skipped(false).unavailability('ACME')).toBe('STATUS_HISTORY=off');
    const statuses = skipped(true);
    const find = () =>
      statuses.find(
        { ...CURRENT, paymentState: 'Pending' },
        { ...FLUENT, status: 'PICK_PACK' },
        { orderState: 'Confirmed' },
        SCOPE,
        async (status) => PAYMENT[status] ?? {},
        new AbortController().signal,
      );
    expect(statuses.unavailability('ACME')).toBeUndefined();
    const { passed } = history;
    history.passed = throwing(new TransientError('the Event API is down'));
    await find();
    expect(statuses.unavailability('ACME')).toBe('the status history cannot be read; the log says why');
    expect(statuses.unavailability('OTHER')).toBeUndefined();
    history.passed = passed;
    await find();
    expect(statuses.unavailability('ACME')).toBeUndefined();
  });

  it('passes its signal on to the history', async () => {
    const setup = new PickPack();
    const passed = vi.spyOn(setup.history, 'passed');
    const { signal } = new AbortController();
    await setup.sync([], signal);
    expect((passed.mock.calls as unknown[][])[0]?.[2]).toEqual({ signal });
  });

  it('stops the sync while the history hangs and the time is up', async () => {
    const setup = new PickPack();
    setup.history.passed = () => new Promise(() => undefined);
    const end = new AbortController();
    const failure = setup.sync([], end.signal);
    setTimeout(() => end.abort(new TransientError('time is up')), 20);
    await expect(failure).rejects.toThrow('time is up');
  });

  it('is read when the mapper has no overview', async () => {
    const setup = new PickPack();
    setup.overview = async () => undefined;
    expect(await setup.sync()).toMatchObject({ outcome: 'updated', skipped: { result: 'filled' } });
  });

  it('waits for the correction of a passed status that has a wrong entry', async () => {
    const setup = new PickPack();
    const { map } = setup.mapper;
    setup.mapper.map = (async (order: { status: string }) => {
      if (order.status === 'BOOKED') throw new ConfigurationError('correct BOOKED');
      return (map as (order: object) => unknown)(order);
    }) as never;
    await expect(setup.sync()).rejects.toThrow('correct BOOKED');
  });
});

interface Attributes {
  readonly attributes: readonly { readonly name: string; readonly value: string }[];
}
interface Custom {
  readonly tracking: string | null;
}

@OrderStatusHook({
  fluentFields: 'fragment Attributes on Order { attributes { name value } }',
  commercetoolsFields: 'fragment Custom on Order { tracking: custom }',
})
@Injectable()
class Tracking implements OrderStatusHookContract<Attributes, Custom> {
  actions({ fluentOrder, commercetoolsOrder }: HookedOrder<Attributes, Custom>): OrderUpdateAction[] {
    expectTypeOf(commercetoolsOrder.fields.tracking).toEqualTypeOf<string | null>();
    const number = fluentOrder.fields.attributes.find(({ name }) => name === 'tracking')?.value;
    if (number === undefined || number === commercetoolsOrder.fields.tracking) return [];
    return [{ setCustomField: { name: 'tracking', value: JSON.stringify(number) } }];
  }
}

@OrderStatusHook({ order: -1 })
@Injectable()
class First implements OrderStatusHookContract {
  skip = ({ fluentOrder }: HookedOrder): boolean => fluentOrder.status === 'DRAFT';
  actions = async (): Promise<OrderUpdateAction[]> => [untypedAction('first', {})];
}

function shipped(setup: Setup, tracking: string | null = null): Setup {
  setup.fluent.getOrder = async () => ({
    ...FLUENT,
    fields: { attributes: [{ name: 'tracking', value: 'T-1' }] },
  });
  setup.lookup.find = async () => ({ ...CURRENT, fields: { tracking } });
  return setup;
}

const TRACKING_ACTION = { setCustomField: { name: 'tracking', value: '"T-1"' } };

describe('hooks', () => {
  it('add their actions behind those of the states, in one update, in their order', async () => {
    const setup = shipped(new Setup());
    expect(await setup.sync([Tracking, First])).toMatchObject({ outcome: 'updated' });
    expect(setup.update.sent).toEqual([
      [{ changeOrderState: { orderState: 'Confirmed' } }, { first: {} }, TRACKING_ACTION],
    ]);
  });

  it('are reported with the names of their actions, also those that have nothing to add', async () => {
    const setup = shipped(new Setup());
    const hooks = [
      { hook: 'First', actions: ['first'] },
      { hook: 'Tracking', actions: ['setCustomField'] },
    ];
    expect((await setup.sync([Tracking, First])).hooks).toEqual(hooks);
    const upToDate = await shipped(new Setup(), 'T-1').sync([Tracking]);
    expect(upToDate.hooks).toEqual([{ hook: 'Tracking', actions: [] }]);
  });

  it('that read a field that no fragment asks for stop the order, or are left out when they are optional', async () => {
    const readsWrongField = (required: boolean) => {
      @OrderStatusHook({
        required,
        fluentFields: 'fragment Attributes on Order { attributes { name value } }',
      })
      @Injectable()
      class Mistyped implements OrderStatusHookContract<{ readonly trackingNumber?: string }> {
        actions({ fluentOrder }: HookedOrder<{ readonly trackingNumber?: string }>): OrderUpdateAction[] {
          return fluentOrder.fields.trackingNumber === undefined ? [] : [untypedAction('first', {})];
        }
      }
      return Mistyped;
    };
    const setup = shipped(new Setup());
    const refusal = 'hook Mistyped reads fluentOrder.fields.trackingNumber';
    await expect(setup.sync([readsWrongField(true)])).rejects.toThrow(refusal);
    expect(setup.update.sent).toEqual([]);
    const result = await setup.sync([readsWrongField(false)]);
    expect(result).toMatchObject({
      outcome: 'updated',
      hooks: [{ hook: 'Mistyped', actions: [], lost: expect.stringContaining(refusal) }],
    });
  });

  it('act when no state changes, and when none is mapped', async () => {
    for (const states of [{ orderState: 'Open' }, {}]) {
      const setup = shipped(new Setup());
      setup.mapper.map = async () => states;
      expect(await setup.sync([Tracking])).toMatchObject({ outcome: 'updated' });
      expect(setup.update.sent).toEqual([[TRACKING_ACTION]]);
    }
  });

  it('need no fields, and then none are asked for', async () => {
    const setup = new Setup();
    setup.lookup.find = async () => CURRENT;
    setup.fluent.getOrder = async () => FLUENT;
    expect(await setup.sync([First])).toMatchObject({ outcome: 'updated' });
  });

  it('see the commercetools order, and so know when there is nothing to do', async () => {
    const setup = shipped(new Setup(), 'T-1');
    setup.mapper.map = async () => ({});
    expect(await setup.sync([Tracking])).toMatchObject({ outcome: 'unmapped' });
    setup.mapper.map = async () => ({ orderState: 'Open' });
    expect(await setup.sync([Tracking])).toMatchObject({ outcome: 'unchanged' });
    expect(setup.update.sent).toEqual([]);
  });

  it('compute anew from both orders after a conflict', async () => {
    const setup = shipped(new Setup());
    const actions = vi.spyOn(Tracking.prototype, 'actions');
    setup.update.apply = async () => {
      shipped(setup, 'T-1');
      setup.mapper.map = async () => ({ orderState: 'Open' });
      throw new ConflictError('conflict');
    };
    expect(await setup.sync([Tracking])).toMatchObject({ outcome: 'unchanged' });
    expect(actions).toHaveBeenCalledTimes(2);
  });

  it('can skip an order before the mapping runs', async () => {
    const setup = new Setup();
    setup.fluent.getOrder = async () => ({ ...FLUENT, status: 'DRAFT' });
    setup.mapper.map = throwing(new ConfigurationError('no mapping'));
    const debug = vi.spyOn(setup.logger, 'debug');
    const reason = 'First skips the order';
    expect(await setup.sync([First])).toMatchObject({
      outcome: 'unchanged',
      status: 'DRAFT',
      states: {},
      reasons: { orderState: reason, paymentState: reason, shipmentState: reason },
      hooks: [],
    });
    expect(setup.update.sent).toEqual([]);
    expect(debug.mock.calls).toEqual([[{ orderRef: 'O_1', status: 'DRAFT' }, 'First skips the order']]);
  });

  it('run in the order of their `order`, whatever the order in which they are provided', async () => {
    const names: string[] = [];
    const hook = (name: string, order?: number): Provider => {
      @OrderStatusHook(order === undefined ? {} : { order })
      class Named implements OrderStatusHookContract {
        actions = (): OrderUpdateAction[] => (names.push(name), []);
      }
      return Named;
    };
    await new Setup().sync([hook('second'), hook('last', 7), hook('third', 2), hook('first', -3)]);
    expect(names).toEqual(['first', 'second', 'third', 'last']);
  });

  it('run once when their class is provided twice', async () => {
    const setup = shipped(new Setup());
    await setup.sync([Tracking, { provide: 'again', useClass: Tracking }]);
    expect(setup.update.sent).toEqual([[{ changeOrderState: { orderState: 'Confirmed' } }, TRACKING_ACTION]]);
  });

  it('may have only one of both methods, and return nothing', async () => {
    @OrderStatusHook()
    class OnlySkip implements OrderStatusHookContract {
      skip = () => false;
    }
    @OrderStatusHook()
    class Nothing implements OrderStatusHookContract {
      actions = () => undefined as never;
    }
    const setup = new Setup();
    await setup.sync([OnlySkip, Nothing]);
    expect(setup.update.sent).toEqual([[{ changeOrderState: { orderState: 'Confirmed' } }]]);
  });

  it('may return as many actions as one update may have', async () => {
    @OrderStatusHook()
    class Many implements OrderStatusHookContract {
      actions = () => Array.from({ length: 500 }, () => ({ setCustomField: { name: 'a' } }));
    }
    const setup = new Setup();
    await setup.sync([Many]);
    expect(setup.update.sent[0]).toHaveLength(501);
  });

  it('may not return more actions together than one update may have', async () => {
    const hook = (name: string): Provider => {
      @OrderStatusHook()
      class Many implements OrderStatusHookContract {
        actions = () => Array.from({ length: 300 }, () => ({ setCustomField: { name: 'a' } }));
      }
      Object.defineProperty(Many, 'name', { value: name });
      return Many;
    };
    await expect(new Setup().sync([hook('One'), hook('Two')])).rejects.toThrow(
      'Two.actions() returned more than the 500 actions that one update may have',
    );
  });

  it('ask both systems for their fields', async () => {
    const setup = shipped(new Setup());
    const find = vi.spyOn(setup.lookup, 'find');
    const getOrder = vi.spyOn(setup.fluent, 'getOrder');
    await setup.sync([Tracking]);
    const optionsOf = ({ mock }: { mock: { calls: unknown[][] } }): unknown => mock.calls[0]?.at(-1);
    expect(optionsOf(find)).toMatchObject({ commercetoolsFields: { kind: 'Document' } });
    expect(optionsOf(getOrder)).toMatchObject({ fluentFields: { kind: 'Document' } });
  });

  it.each<[string, keyof OrderStatusHookContract, unknown, RegExp]>([
    ['throws', 'actions', throwing(new TypeError('oops')), /^Odd\.actions\(\) failed: TypeError: oops$/],
    [
      'returns no list',
      'actions',
      async () => ({}),
      /^Odd\.actions\(\) returned something other than a list of update actions/,
    ],
    [
      'returns null as an action',
      'actions',
      () => [null],
      /^Odd\.actions\(\) returned something other than a list/,
    ],
    [
      'returns text as an action',
      'actions',
      () => ['a'],
      /^Odd\.actions\(\) returned something other than a list/,
    ],
    [
      'returns a list as an action',
      'actions',
      () => [[{}]],
      /^Odd\.actions\(\) returned something other than a list/,
    ],
    [
      'returns actions with two keys',
      'actions',
      () => [{ a: {}, b: {} }],
      /^Odd\.actions\(\) returned something other than a list/,
    ],
    [
      'returns too many actions',
      'actions',
      () => Array.from({ length: 501 }, () => ({ a: {} })),
      /^Odd\.actions\(\) returned more than the 500/,
    ],
    ['cannot skip', 'skip', throwing(new Error('oops')), /^Odd\.skip\(\) failed: Error: oops$/],
  ])('cost a try when one %s, and nothing is written', async (_, method, body, message) => {
    @OrderStatusHook()
    class Odd {
      [name: string]: unknown;
      constructor() {
        this[method] = body;
      }
    }
    const setup = new Setup();
    const failure = setup.sync([Odd]);
    await expect(failure).rejects.toThrow(message);
    await expect(failure).rejects.toBeInstanceOf(TransientError);
    expect(setup.update.sent).toEqual([]);
  });

  it.each(['lookup', 'fluent'] as const)(
    'say so when a replaced %s does not read their fields',
    async (part) => {
      const setup = shipped(new Setup());
      if (part === 'lookup') setup.lookup.find = async () => CURRENT;
      else setup.fluent.getOrder = async () => FLUENT;
      await expect(setup.sync([Tracking])).rejects.toThrow(
        part === 'lookup'
          ? 'Lookup.find() returned an order without the fields that were asked for; query ' +
              'withOrderFields(document, options.commercetoolsFields) and return its result as fields'
          : 'Fluent.getOrder() returned an order without the fields that were asked for; query ' +
              'withOrderFields(document, options.fluentFields) and return its result as fields',
      );
    },
  );

  it('stop the start when one is useless or has a fragment that is wrong', async () => {
    // @ts-expect-error JavaScript has no types
    @OrderStatusHook()
    class Useless {
      readonly nothing = true;
    }
    await expect(hooksOf(Useless)).rejects.toThrow(/Useless has @OrderStatusHook but neither/);

    @OrderStatusHook({ fluentFields: 'fragment F on Customer { id }' })
    class WrongFragment implements OrderStatusHookContract {
      actions = () => [];
    }
    await expect(hooksOf(WrongFragment)).rejects.toThrow(
      /fragment of WrongFragment \(fluentFields\) cannot be used/,
    );

    @OrderStatusHook({ commercetoolsFields: 'fragment F on Customer { id }' })
    class OtherFragment implements OrderStatusHookContract {
      actions = () => [];
    }
    await expect(hooksOf(OtherFragment)).rejects.toThrow(
      /fragment of OtherFragment \(commercetoolsFields\) cannot be used/,
    );
  });
});

describe('a hook that cannot do its part', () => {
  const FIELDS = 'fragment Extra on Order { extra }';
  const CONFIRM = { changeOrderState: { orderState: 'Confirmed' } };
  const PERMITTED = { setCustomField: { name: 'b' } };
  const acting = (
    name: string,
    action: OrderUpdateAction,
    options: OrderStatusHookOptions = {},
  ): Provider => {
    @OrderStatusHook(options)
    class Hook implements OrderStatusHookContract {
      actions = () => [action];
    }
    Object.defineProperty(Hook, 'name', { value: name });
    return Hook;
  };
  const WRONG = { setCustomField: { name: 'wrong' } };
  const optional = acting('Optional', WRONG, { required: false });
  const required = acting('Required', WRONG, { required: true });

  /** commercetools refuses updates with the action {@link WRONG}. */
  function refusing(setup = new Setup()): Setup {
    const { apply } = setup.update;
    setup.update.apply = async (order, actions) => {
      if (actions.includes(WRONG))
        throw new PermanentError('there is no field wrong', { code: 'InvalidInput' });
      return apply(order, actions);
    };
    return setup;
  }

  it('leaves the states in place when its actions are refused, and it is optional', async () => {
    const setup = refusing();
    const find = vi.spyOn(setup.lookup, 'find');
    const getOrder = vi.spyOn(setup.fluent, 'getOrder');
    const warn = vi.spyOn(setup.logger, 'warn');
    const result = await setup.sync([optional, acting('Good', PERMITTED)]);
    expect(setup.update.sent).toEqual([[PERMITTED], [CONFIRM]]);
    expect(result).toMatchObject({
      outcome: 'updated',
      actions: [PERMITTED, CONFIRM],
      hooks: [{ hook: 'Optional', lost: 'there is no field wrong' }, { hook: 'Good' }],
    });
    expect(setup.hooks?.failed()).toMatchObject([
      { hook: 'Optional', required: false, count: 1, lastCause: 'actions' },
    ]);
    expect(warn.mock.calls).toEqual([
      [
        { orderRef: 'O_1', hook: 'Optional', cause: 'actions', reason: 'there is no field wrong' },
        'the order is updated without Optional',
      ],
    ]);
    // The whole, the good hook, the states, the refused hook: each with both reads, commercetools first.
    expect([find.mock.calls.length, getOrder.mock.calls.length]).toEqual([4, 4]);
  });

  it('keeps the order as it is and is named when its actions are refused, and it is required', async () => {
    const setup = refusing();
    const failure = setup.sync([required]);
    await expect(failure).rejects.toThrow(
      'hook Required: commercetools refuses its update actions: there is no field wrong; correct the hook or what ' +
        'it refers to, or let orders be updated without it: @OrderStatusHook({ required: false })',
    );
    await expect(failure).rejects.toBeInstanceOf(ConfigurationError);
    await expect(failure).rejects.toMatchObject({ code: 'InvalidInput' });
    expect(setup.update.sent).toEqual([]);
    expect(setup.hooks?.failed()).toMatchObject([{ hook: 'Required', required: true }]);
  });

  it('is required unless it says otherwise', async () => {
    await expect(refusing().sync([acting('Unset', WRONG)])).rejects.toThrow(
      'hook Unset: commercetools refuses',
    );
  });

  it('is not blamed for a refused state', async () => {
    const setup = new Setup();
    const refusal = new PermanentError('no transition', { code: 'InvalidOperation' });
    const { apply } = setup.update;
    setup.update.apply = async (order, actions) => {
      if (actions.some((action) => 'changeOrderState' in action)) throw refusal;
      return apply(order, actions);
    };
    await expect(setup.sync([acting('Good', PERMITTED)])).rejects.toBe(refusal);
  });

  it('changes nothing by itself: an order whose states are right stays unchanged without it', async () => {
    const setup = refusing();
    setup.mapper.map = async () => ({ orderState: 'Open' });
    expect(await setup.sync([optional])).toMatchObject({ outcome: 'unchanged', actions: [] });
    expect(setup.update.sent).toEqual([]);
  });

  it('does not keep the actions of others from an order whose states are right', async () => {
    const setup = refusing();
    setup.mapper.map = async () => ({ orderState: 'Open' });
    const result = await setup.sync([optional, acting('Good', PERMITTED)]);
    expect(result).toMatchObject({ outcome: 'updated', actions: [PERMITTED] });
    expect(setup.update.sent).toEqual([[PERMITTED]]);
  });

  it('is looked for with the required hooks first, then the states, then the optional hooks', async () => {
    const setup = refusing();
    const other = { setCustomField: { name: 'c' } };
    await setup.sync([optional, acting('Extra', other, { required: false }), acting('Good', PERMITTED)]);
    expect(setup.update.sent).toEqual([[PERMITTED], [CONFIRM], [other]]);
  });

  it('is not looked for when it has nothing to add, or the order could not be read', async () => {
    @OrderStatusHook()
    class Nothing implements OrderStatusHookContract {
      actions = () => [];
    }
    const refused = new Setup();
    const apply = vi.fn<() => Promise<never>>(throwing(new PermanentError('no transition')));
    refused.update.apply = apply;
    await expect(refused.sync([Nothing])).rejects.toThrow('no transition');
    expect(apply).toHaveBeenCalledTimes(1);

    const wrong = new Setup();
    const getOrder = vi.spyOn(wrong.fluent, 'getOrder').mockResolvedValue({ ...FLUENT, retailerId: '2' });
    await expect(wrong.sync([Nothing])).rejects.toThrow('belongs to retailer 2');
    expect(getOrder).toHaveBeenCalledTimes(1);
  });

  it('is not looked for when the whole update lacks a permission, or fails for a while', async () => {
    for (const error of [
      new PermanentError('no scope', { code: 'insufficient_scope' }),
      new TransientError('down'),
    ]) {
      const setup = new Setup();
      const apply = vi.fn<() => Promise<never>>(throwing(error));
      setup.update.apply = apply;
      await expect(setup.sync([optional])).rejects.toBe(error);
      expect(apply).toHaveBeenCalledTimes(1);
    }
  });

  /** The system refuses every query with the fields that name {@link FIELDS}. */
  function withoutExtra(side: 'fluent' | 'commercetools'): Setup {
    const setup = new Setup();
    const refuse = (fields: unknown): void => {
      if (JSON.stringify(fields ?? {}).includes('extra'))
        throw new PermanentError('Order has no field extra');
    };
    if (side === 'commercetools') {
      setup.lookup.find = async (_order?: unknown, _scope?: unknown, options: OrderLookupOptions = {}) => {
        refuse(options.commercetoolsFields);
        return { ...CURRENT, fields: {} };
      };
      setup.commercetools.query = async (_key?: unknown, document?: unknown) => {
        refuse(document);
        return {};
      };
    } else {
      setup.fluent.getOrder = async (_scope?: unknown, _id?: unknown, options: FluentOrderOptions = {}) => {
        refuse(options.fluentFields);
        return { ...FLUENT, fields: {} };
      };
      setup.fluent.query = async (_id?: unknown, document?: unknown) => {
        refuse(document);
        return {};
      };
    }
    return setup;
  }

  const SIDES = ['fluent', 'commercetools'] as const;

  it.each(SIDES)(
    'leaves the states in place when %s refuses its fields, and it is optional',
    async (side) => {
      const setup = withoutExtra(side);
      const onRefused = vi.spyOn(HookFieldsCheck.prototype, 'onRefused');
      const reads = side === 'fluent' ? vi.spyOn(setup.fluent, 'getOrder') : vi.spyOn(setup.lookup, 'find');
      const wrong = acting('Optional', WRONG, { [`${side}Fields`]: FIELDS, required: false });
      const good = acting('Good', PERMITTED, { [`${side}Fields`]: 'fragment Id on Order { id }' });
      const result = await setup.sync([wrong, good, acting('Plain', PERMITTED)]);
      // With all fields, without any, with those of each hook that asks for some, and with those that are accepted.
      expect(reads).toHaveBeenCalledTimes(5);
      expect(onRefused.mock.calls).toEqual([[`${side}Fields`, SCOPE]]);
      expect(setup.update.sent).toEqual([[CONFIRM, PERMITTED, PERMITTED]]);
      expect(result.hooks).toMatchObject([
        { hook: 'Optional', lost: 'Order has no field extra' },
        { hook: 'Good' },
        { hook: 'Plain' },
      ]);
      expect(setup.hooks?.failed()).toMatchObject([{ hook: 'Optional', lastCause: 'fields' }]);
    },
  );

  it.each(SIDES)(
    'is named as wrong configuration when %s refuses its fields, and it is required',
    async (side) => {
      const setup = withoutExtra(side);
      const failure = setup.sync([acting('Required', WRONG, { [`${side}Fields`]: FIELDS })]);
      await expect(failure).rejects.toThrow(
        'hook Required: its fields are refused: Order has no field extra; correct',
      );
      await expect(failure).rejects.toBeInstanceOf(ConfigurationError);
      expect(setup.update.sent).toEqual([]);
    },
  );

  it.each(SIDES)('is not blamed when %s refuses the query only once', async (side) => {
    const setup = new Setup();
    const onRefused = vi.spyOn(HookFieldsCheck.prototype, 'onRefused');
    const reads = side === 'fluent' ? vi.spyOn(setup.fluent, 'getOrder') : vi.spyOn(setup.lookup, 'find');
    reads.mockRejectedValueOnce(new PermanentError('a hiccup'));
    const hook = acting('Optional', PERMITTED, { [`${side}Fields`]: FIELDS, required: false });
    expect((await setup.sync([hook])).hooks).toEqual([{ hook: 'Optional', actions: ['setCustomField'] }]);
    expect(onRefused).not.toHaveBeenCalled();
  });

  it('is left out from the beginning while a system is known to refuse its fields', async () => {
    const setup = new Setup();
    const known = vi
      .spyOn(HookFieldsCheck.prototype, 'refusedFor')
      .mockImplementation(async () => new Map(setup.hooks!.all.map((hook) => [hook, 'no field extra'])));
    const getOrder = vi.spyOn(setup.fluent, 'getOrder');
    const result = await setup.sync([acting('Optional', WRONG, { fluentFields: FIELDS, required: false })]);
    expect(result.hooks).toEqual([{ hook: 'Optional', actions: [], lost: 'no field extra' }]);
    expect(setup.update.sent).toEqual([[CONFIRM]]);
    expect(getOrder).toHaveBeenCalledTimes(1);
    expect(setup.hooks!.failed()).toMatchObject([{ hook: 'Optional', lastCause: 'fields' }]);
    await expect(setup.sync([acting('Required', WRONG, { fluentFields: FIELDS })])).rejects.toThrow(
      'hook Required: its fields are refused: no field extra',
    );
    expect(known.mock.calls).toEqual([[SCOPE], [SCOPE]]);
    await setup.sync();
    expect(known).toHaveBeenCalledTimes(2);
  });

  it.each(SIDES)('is not blamed when %s refuses the query without its fields, too', async (side) => {
    const setup = new Setup();
    const refusal = new PermanentError('no such user');
    if (side === 'fluent') setup.fluent.getOrder = throwing(refusal);
    else setup.lookup.find = throwing(refusal);
    const hook = acting('Optional', WRONG, { [`${side}Fields`]: FIELDS, required: false });
    await expect(setup.sync([hook])).rejects.toBe(refusal);
  });

  it.each(SIDES)('costs no further calls while %s is down', async (side) => {
    const setup = new Setup();
    const down = vi.fn<() => Promise<never>>(throwing(new OutageError('down')));
    if (side === 'fluent') setup.fluent.getOrder = down;
    else setup.lookup.find = down;
    const hook = acting('Optional', WRONG, { [`${side}Fields`]: FIELDS, required: false });
    await expect(setup.sync([hook])).rejects.toThrow('down');
    expect(down).toHaveBeenCalledTimes(1);
  });

  it.each<[string, unknown, string]>([
    ['throws', new TypeError('oops'), 'Odd.actions() failed: TypeError: oops'],
    ['throws a permanent error', new PermanentError('never'), 'never'],
  ])('is left out when it %s, and it is optional', async (_, error, reason) => {
    @OrderStatusHook({ required: false })
    class Odd implements OrderStatusHookContract {
      actions = throwing(error);
    }
    const setup = new Setup();
    const result = await setup.sync([Odd]);
    expect(setup.update.sent).toEqual([[CONFIRM]]);
    expect(result.hooks).toEqual([{ hook: 'Odd', actions: [], lost: reason }]);
    expect(setup.hooks?.failed()).toMatchObject([{ hook: 'Odd', lastCause: 'error' }]);
  });

  it('is asked again later when it throws a TransientError on purpose, although it is optional', async () => {
    @OrderStatusHook({ required: false })
    class Waiting implements OrderStatusHookContract {
      actions = throwing(new TransientError('the carrier does not answer'));
    }
    const setup = new Setup();
    await expect(setup.sync([Waiting])).rejects.toThrow('the carrier does not answer');
    expect(setup.update.sent).toEqual([]);
  });

  it('writes nothing twice and nothing old when another client writes between the parts', async () => {
    const setup = refusing();
    const versions = [3, 4, 4, 5];
    setup.lookup.find = async () => ({ ...CURRENT, version: versions.shift() ?? 6, fields: {} });
    const statuses = ['BOOKED', 'SHIPPED'];
    setup.fluent.getOrder = async () => ({ ...FLUENT, status: statuses.shift() ?? 'SHIPPED', fields: {} });
    setup.mapper.map = (async ({ status }: { status: string }) => ({
      orderState: status === 'BOOKED' ? 'Confirmed' : 'Complete',
    })) as unknown as Mapper['map'];
    await setup.sync([optional]);
    // Decided from the second read, not from the refused first one.
    expect(setup.update.sent).toEqual([[{ changeOrderState: { orderState: 'Complete' } }]]);
  });
});
