import { pino } from 'pino';
import { describe, expect, it, vi } from 'vitest';
import type { CommercetoolsOrder, OrderLookup, OrderStates } from '../commercetools/index.js';
import type { ConnectorConfig, RetailerScope } from '../config/index.js';
import { TransientError } from '../errors.js';
import type { FluentClient, FluentOrder } from '../fluent/index.js';
import type { StatusMapper } from '../mapping/index.js';
import type { ConnectorMetrics } from '../metrics/index.js';
import { MemoryExpiringKeys } from '../redis/memory-expiring-keys.js';
import { OrderOwners } from './order-owners.js';

const ACME = { account: { id: 'ACME' }, retailerId: '1', project: { key: 'shop' } } as RetailerScope;
const OTHER = { ...ACME, account: { id: 'OTHER' }, retailerId: '2' } as RetailerScope;
const CURRENT: CommercetoolsOrder = { id: 'ct-1', version: 3, orderState: 'Open' };
const CANCELLED: OrderStates = { orderState: 'Cancelled' };
const FIRST = { id: '1', ref: 'X-1' };
const SECOND = { id: '2', ref: '1' };
const BOTH =
  'Fluent order 2 (ref 1, account OTHER, retailer 2) and Fluent order 1 (ref X-1, account ACME, retailer 1) ' +
  'lead to the same commercetools order ct-1 of project shop';

/** The first order, of account ACME, has been written. The test says what has become of it since. */
class Setup {
  readonly keys = new MemoryExpiringKeys();
  readonly claim = vi.spyOn(this.keys, 'claim');
  readonly logger = pino({ level: 'silent' });
  readonly warn = vi.spyOn(this.logger, 'warn');
  readonly debug = vi.spyOn(this.logger, 'debug');
  readonly inc = vi.fn<(labels: object) => void>();
  readonly scope = vi.fn<() => RetailerScope | undefined>(() => ACME);
  readonly getOrder = vi.fn<FluentClient['getOrder']>(
    async () => ({ ...FIRST, status: 'BOOKED' }) as FluentOrder,
  );
  readonly find = vi.fn<OrderLookup['find']>(async () => CURRENT);
  readonly map = vi.fn<StatusMapper['map']>(async () => ({ orderState: 'Confirmed' }));
  readonly signal = new AbortController().signal;
  readonly owners = new OrderOwners(
    this.keys,
    { scope: this.scope } as unknown as ConnectorConfig,
    { getOrder: this.getOrder } as unknown as FluentClient,
    { find: this.find },
    { map: this.map },
    { sharedOrders: { inc: this.inc } } as unknown as ConnectorMetrics,
  );

  first(): Promise<boolean> {
    return this.owners.mayWrite(FIRST, CURRENT, {}, ACME, this);
  }

  second(mapped: OrderStates = {}): Promise<boolean> {
    return this.owners.mayWrite(SECOND, CURRENT, mapped, OTHER, this);
  }
}

async function afterTheFirst(): Promise<Setup> {
  const setup = new Setup();
  expect(await setup.first()).toBe(true);
  return setup;
}

describe('the owner of a commercetools order', () => {
  it('is the Fluent order that it was written for first, for a week', async () => {
    const setup = await afterTheFirst();
    expect(await setup.first()).toBe(true);
    expect(setup.getOrder).not.toHaveBeenCalled();
    const owner = JSON.stringify({ accountId: 'ACME', retailerId: '1', ...FIRST });
    expect(setup.claim.mock.calls).toEqual([
      ['owner:["shop","ct-1"]', owner, 604_800],
      ['owner:["shop","ct-1"]', owner, 604_800],
    ]);
  });

  it('stays the same Fluent order when the retailer or the ref of it changes', async () => {
    const setup = await afterTheFirst();
    const renamed = { ...FIRST, ref: 'X-2' };
    const moved = { ...ACME, retailerId: '7' };
    expect(await setup.owners.mayWrite(renamed, CURRENT, {}, moved, setup)).toBe(true);
    expect(setup.getOrder).not.toHaveBeenCalled();
  });

  it('does not give way to another Fluent order, and the error names both and what to change', async () => {
    const setup = await afterTheFirst();
    await expect(setup.second()).rejects.toThrow(
      expect.objectContaining({
        name: 'ConfigurationError',
        code: 'SharedOrder',
        message:
          `${BOTH}, which was last written for the second one; cancel one of them, or make their refs differ after ` +
          'ORDER_REF_PREFIX is taken off, or give their retailers a project each',
      }),
    );
    expect(setup.inc.mock.calls).toEqual([[{ account: 'OTHER' }]]);
    expect(setup.warn).not.toHaveBeenCalled();
    expect(setup.scope.mock.calls).toEqual([['ACME', '1']]);
    const { signal } = setup;
    expect(setup.getOrder.mock.calls).toEqual([[ACME, '1', { signal }]]);
    expect(setup.find.mock.calls).toEqual([[FIRST, ACME, { signal }]]);
  });

  it('differs from an order with the same id in another account, and from another order of the account', async () => {
    const setup = await afterTheFirst();
    const sameId = { ...SECOND, id: FIRST.id };
    for (const [order, scope] of [
      [sameId, OTHER],
      [SECOND, ACME],
    ] as const) {
      await expect(setup.owners.mayWrite(order, CURRENT, {}, scope, setup)).rejects.toThrow(
        'cancel one of them',
      );
    }
  });

  it.each<[string, (setup: Setup) => unknown]>([
    ['is gone', ({ getOrder }) => getOrder.mockResolvedValue(undefined)],
    ['is cancelled', ({ map }) => map.mockResolvedValue(CANCELLED)],
    ['leads to another order', ({ find }) => find.mockResolvedValue({ ...CURRENT, id: 'ct-2' })],
    ['leads to no order', ({ find }) => find.mockResolvedValue(undefined)],
    [
      'has another project',
      ({ scope }) => scope.mockReturnValue({ ...ACME, project: { key: 'two' } } as never),
    ],
    ['has no retailer that is configured', ({ scope }) => scope.mockReturnValue(undefined)],
  ])('becomes another Fluent order when its own %s', async (_, change) => {
    const setup = await afterTheFirst();
    change(setup);
    expect(await setup.second()).toBe(true);
    expect(setup.warn.mock.calls).toEqual([
      [`${BOTH}; the first one takes it over, because the second one gave way`],
    ]);
    setup.warn.mockClear();
    expect(await setup.second()).toBe(true);
    expect(setup.warn).not.toHaveBeenCalled();
    expect(setup.inc).not.toHaveBeenCalled();
  });

  it('is remembered for a week when it took the order over', async () => {
    const setup = await afterTheFirst();
    const set = vi.spyOn(setup.keys, 'set');
    setup.map.mockResolvedValue(CANCELLED);
    await setup.second();
    const owner = JSON.stringify({ accountId: 'OTHER', retailerId: '2', ...SECOND });
    expect(set).toHaveBeenCalledWith('owner:["shop","ct-1"]', owner, 604_800);
  });

  it('keeps the order when the other Fluent order is cancelled, without an error', async () => {
    const setup = await afterTheFirst();
    expect(await setup.second(CANCELLED)).toBe(false);
    expect(setup.warn.mock.calls).toEqual([
      [`${BOTH}; the first one is cancelled and leaves it to the second one`],
    ]);
    expect(setup.inc).not.toHaveBeenCalled();
  });

  it.each<[string, keyof Pick<Setup, 'getOrder' | 'find' | 'map'>]>([
    ['Fluent does not answer', 'getOrder'],
    ['commercetools does not answer', 'find'],
    ['the mapper fails', 'map'],
  ])('keeps the order, and the other one is retried, when %s', async (_, method) => {
    const setup = await afterTheFirst();
    setup[method].mockRejectedValue(new TypeError('gone'));
    const failure = setup.second();
    await expect(failure).rejects.toBeInstanceOf(TransientError);
    await expect(failure).rejects.toThrow(`Object.${method}() failed: TypeError: gone`);
    expect(setup.inc).not.toHaveBeenCalled();
  });

  it('matters less than the states of the order: without Redis nobody is asked', async () => {
    const setup = await afterTheFirst();
    const error = new Error('Redis is away');
    setup.claim.mockRejectedValue(error);
    expect(await setup.second()).toBe(true);
    expect(setup.debug.mock.calls).toEqual([
      [{ err: error }, 'Redis did not tell for which Fluent order the order was last written'],
    ]);
  });
});
