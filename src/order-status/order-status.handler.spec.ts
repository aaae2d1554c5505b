import { pino } from 'pino';
import { describe, expect, it, vi } from 'vitest';
import { literalScope } from '../../test/support/literal-config.js';
import { OrderNotFoundError } from '../commercetools/index.js';
import type { ConnectorConfig } from '../config/index.js';
import { CircuitOpenError, PermanentError, TransientError } from '../errors.js';
import type { FluentClient } from '../fluent/index.js';
import { HandlerMetadata, type HandlerContext } from '../handlers/index.js';
import type { PinoLogger } from '../logging/index.js';
import { ConnectorMetrics } from '../metrics/index.js';
import { reconciliationNotification, type FluentNotification } from '../notification/index.js';
import { sampleNotification } from '../testing/sample-notification.js';
import { OrderStatusHandler, outcomeDetails } from './order-status.handler.js';
import type { OrderStatusSync, OrderToSync, SyncOptions, SyncResult } from './order-status-sync.js';
import type { FluentUpdate, SyncedUpdates } from './synced-updates.js';

const WEBHOOK = sampleNotification({
  id: 'n-1',
  name: 'fc.connect.order-status',
  entityId: '5',
  entityRef: 'O_5',
});
const FULFILMENT = { ...WEBHOOK, entityType: 'FULFILMENT', entityId: '9', entityRef: 'F_9' };
const UPDATED_ON = '2026-01-02T03:04:05.678Z';
const RECONCILED = reconciliationNotification(WEBHOOK.name, 'ACME', '1', { id: '5', ref: 'O_5' }, UPDATED_ON);
const RESULT: SyncResult = {
  outcome: 'updated',
  status: 'BOOKED',
  updatedOn: UPDATED_ON,
  states: { orderState: 'Confirmed' },
  before: { orderState: 'Open' },
  skipped: { states: {} },
  fluentOrder: {
    id: '5',
    ref: 'O_5',
    type: 'HD',
    status: 'BOOKED',
    retailerId: '1',
    updatedOn: UPDATED_ON,
    attributes: [],
  },
  commercetoolsOrder: { id: 'id-5', orderNumber: 'O_5', version: 3, orderState: 'Open' },
  hooks: [],
  actions: [{ changeOrderState: { orderState: 'Confirmed' } }],
  reasons: { orderState: 'one', paymentState: 'two', shipmentState: 'three' },
};

/** The handler, with a sync that ends as the test says. */
class Setup {
  readonly synced: [OrderToSync, SyncOptions][] = [];
  readonly noted: [string, FluentUpdate][] = [];
  readonly metrics = new ConnectorMetrics();
  readonly fluent = { throwIfCircuitOpen: vi.fn<(accountId: string) => void>() };
  readonly logger = pino({ level: 'silent' });
  readonly debug = vi.spyOn(this.logger, 'debug');
  readonly signal = new AbortController().signal;
  readonly handler: OrderStatusHandler;
  level = 'debug';

  constructor(readonly sync: () => Promise<SyncResult>) {
    const orderStatus = {
      sync: (order: OrderToSync, _scope: unknown, options: SyncOptions) => {
        this.synced.push([order, options]);
        return this.sync();
      },
    };
    this.handler = new OrderStatusHandler(
      orderStatus as unknown as OrderStatusSync,
      this.metrics,
      this.fluent as unknown as FluentClient,
      { orderNotFoundMaxAgeSeconds: 900, reconciliation: { intervalSeconds: 300 } } as ConnectorConfig,
      {
        note: async (accountId: string, update: FluentUpdate) => void this.noted.push([accountId, update]),
      } as unknown as SyncedUpdates,
      { logger: { isLevelEnabled: (level: string) => level === this.level } } as unknown as PinoLogger,
    );
  }

  handle(notification: FluentNotification, context: Partial<HandlerContext> = {}): Promise<unknown> {
    const common = {
      scope: literalScope(),
      signal: this.signal,
      logger: this.logger,
      acceptedAt: new Date(),
      isRecheck: false,
    };
    // A spread would read the logger.
    const all = Object.defineProperties(common, Object.getOwnPropertyDescriptors(context));
    return this.handler.handle(notification, all as unknown as HandlerContext);
  }

  async counted(metric: 'reconcileFound' | 'skippedStatuses'): Promise<unknown[]> {
    const { values } = await this.metrics[metric].get();
    return values
      .filter(({ value }) => value > 0)
      .map(({ labels, value }) => [(labels as { result?: string }).result, value]);
  }
}

const endingWith = (changes: Partial<SyncResult> = {}): Setup =>
  new Setup(async () => ({ ...RESULT, ...changes }));
const failingWith = (error: unknown): Setup =>
  new Setup(async () => {
    throw error;
  });

describe('the order status handler', () => {
  it('syncs the order of the notification with its scope, and reports how that ended', async () => {
    const setup = endingWith();
    expect(await setup.handle(WEBHOOK)).toEqual({
      outcome: 'updated',
      observedState: 'BOOKED',
      recheck: false,
      details: {
        fluentStatus: 'BOOKED',
        order: 'O_5',
        orderVersion: 3,
        states: { orderState: 'Open -> Confirmed', paymentState: 'unset', shipmentState: 'unset' },
        reasons: RESULT.reasons,
      },
    });
    const { signal, logger } = setup;
    expect(setup.synced.map(([order]) => order)).toEqual([{ id: '5', ref: 'O_5' }]);
    expect(setup.synced[0]?.[1]).toHaveProperty('signal', signal);
    expect(setup.synced[0]?.[1]).toHaveProperty('logger', logger);
    expect(setup.synced[0]?.[1]).toHaveProperty('correlationId', 'n-1');
    expect(setup.debug).toHaveBeenCalledWith(
      expect.objectContaining({ orderId: '5', fluentStatus: 'BOOKED', outcome: 'updated' }),
      'order status synced',
    );
  });

  it('does not make the logger of the notification while debug lines are off', async () => {
    const setup = endingWith();
    setup.level = 'info';
    const logger = vi.fn<() => never>();
    await setup.handle(WEBHOOK, {
      get logger() {
        return logger();
      },
    });
    expect(logger).not.toHaveBeenCalled();
  });

  it('syncs the root order of a notification about something else, also when its ref is not given', async () => {
    const setup = endingWith();
    await setup.handle({ ...FULFILMENT, rootEntityType: 'ORDER', rootEntityId: '5', rootEntityRef: 'O_5' });
    await setup.handle({ ...FULFILMENT, rootEntityType: 'ORDER', rootEntityId: '5' });
    expect(setup.synced.map(([order]) => order)).toEqual([{ id: '5', ref: 'O_5' }, { id: '5' }]);
  });

  it('rejects a notification that names no order, and says what to send instead', async () => {
    const setup = endingWith();
    const failure = setup.handle(FULFILMENT);
    await expect(failure).rejects.toThrow(
      'notification fc.connect.order-status is about FULFILMENT F_9 and names no order; ' +
        'send it from the ORDER workflow, or with rootEntityType and rootEntityId of the order',
    );
    await expect(failure).rejects.toBeInstanceOf(PermanentError);
    await expect(failure).rejects.toMatchObject({ code: 'NoOrder' });
    expect(setup.synced).toEqual([]);
  });

  it('reads nothing while the circuit of the account is open', async () => {
    const setup = endingWith();
    setup.fluent.throwIfCircuitOpen.mockImplementation((accountId) => {
      throw new CircuitOpenError(`fluent:${accountId}`, 1000);
    });
    await expect(setup.handle(WEBHOOK)).rejects.toThrow('circuit of fluent:ACME is open');
    expect(setup.synced).toEqual([]);
  });

  it('counts an update that reconciliation found, and no other sync', async () => {
    const setup = endingWith();
    await setup.handle(WEBHOOK);
    expect(await setup.counted('reconcileFound')).toEqual([]);
    await setup.handle(RECONCILED);
    expect(await setup.counted('reconcileFound')).toEqual([[undefined, 1]]);
    const unchanged = endingWith({ outcome: 'unchanged' });
    await unchanged.handle(RECONCILED);
    expect(await unchanged.counted('reconcileFound')).toEqual([]);
  });

  it('notes which update the sync has seen, unless a hook left the order alone or the history is behind', async () => {
    const setup = endingWith();
    await setup.handle(WEBHOOK);
    expect(setup.noted).toEqual([['ACME', { id: '5', status: 'BOOKED', updatedOn: UPDATED_ON }]]);
    for (const skipped of [undefined, { states: {}, result: 'filled', isBehind: true } as const]) {
      const other = endingWith({ skipped });
      await other.handle(WEBHOOK);
      expect(other.noted).toEqual([]);
    }
  });

  it('asks for a recheck while the history is behind, and counts `unknown` only after the recheck', async () => {
    const setup = endingWith({ skipped: { states: {}, result: 'unknown', isBehind: true } });
    expect(await setup.handle(WEBHOOK)).toMatchObject({ recheck: true });
    expect(await setup.counted('skippedStatuses')).toEqual([]);
    await setup.handle(WEBHOOK, { isRecheck: true });
    expect(await setup.counted('skippedStatuses')).toEqual([['unknown', 1]]);
  });

  it.each([
    [{ states: {}, result: 'filled', isBehind: true } as const, [['filled', 1]]],
    [{ states: {}, result: 'unknown' } as const, [['unknown', 1]]],
    [{ states: {} }, []],
    [undefined, []],
  ])('counts the finding %j as %j', async (skipped, counted) => {
    const setup = endingWith({ skipped });
    await setup.handle(WEBHOOK);
    expect(await setup.counted('skippedStatuses')).toEqual(counted);
  });

  it('announces a state only by the entityStatus of an order', () => {
    const { expectedState } = Reflect.getMetadata(HandlerMetadata.KEY, OrderStatusHandler) as {
      expectedState: (notification: FluentNotification) => string | undefined;
    };
    expect(expectedState({ ...WEBHOOK, entityStatus: 'BOOKED' })).toBe('BOOKED');
    expect(expectedState({ ...FULFILMENT, entityStatus: 'BOOKED' })).toBeUndefined();
    expect(expectedState({ ...WEBHOOK, entityStatus: '' })).toBeUndefined();
    expect(expectedState({ ...WEBHOOK, entityStatus: 7 })).toBeUndefined();
  });
});

describe('an order that commercetools does not have', () => {
  const NOT_FOUND = new OrderNotFoundError('there is no order', { code: 'OrderNotFound' });

  it('is waited for after a webhook', async () => {
    await expect(failingWith(NOT_FOUND).handle(WEBHOOK)).rejects.toBe(NOT_FOUND);
  });

  it('is looked for once per interval of reconciliation, for ORDER_NOT_FOUND_MAX_AGE', async () => {
    vi.useFakeTimers({ toFake: ['Date'], now: 1_000_000 });
    try {
      const setup = failingWith(NOT_FOUND);
      // 900 seconds from its acceptance, the last look would come exactly then.
      const inTime = setup.handle(RECONCILED, { acceptedAt: new Date(1_000_000 - 600_000) });
      await expect(inTime).rejects.toMatchObject({
        name: 'TransientError',
        message: 'there is no order',
        code: 'OrderNotFound',
        retryAfterMs: 300_000,
      });
      expect(await setup.handle(RECONCILED, { acceptedAt: new Date(1_000_000 - 600_001) })).toEqual({
        outcome: 'unchanged',
        supersedesPending: false,
      });
    } finally {
      vi.useRealTimers();
    }
  });

  it('hides no other error of a reconciled order', async () => {
    const error = new TransientError('commercetools is down');
    await expect(failingWith(error).handle(RECONCILED)).rejects.toBe(error);
  });
});

const PAID: SyncResult = { ...RESULT, before: { orderState: 'Open', paymentState: 'Paid' } };
const ofOrder = { order: 'O_5', orderVersion: 3, reasons: RESULT.reasons };

describe('outcomeDetails', () => {
  it('names the Fluent status, and each state as it was and has become', () => {
    expect(
      outcomeDetails({
        ...PAID,
        outcome: 'updated',
        status: 'BOOKED',
        states: { orderState: 'Confirmed', paymentState: 'Paid', shipmentState: 'Pending' },
        skipped: { states: {} },
      }),
    ).toEqual({
      ...ofOrder,
      fluentStatus: 'BOOKED',
      states: { orderState: 'Open -> Confirmed', paymentState: 'Paid', shipmentState: 'unset -> Pending' },
    });
  });

  it('names where a status could get an entry when no mapping has one', () => {
    expect(
      outcomeDetails({
        ...PAID,
        outcome: 'unmapped',
        status: 'ON_HOLD',
        states: {},
        skipped: { states: {}, result: 'nothing_skipped', sources: ['the.mapping (RETAILER 1)'] },
      }),
    ).toEqual({
      ...ofOrder,
      fluentStatus: 'ON_HOLD',
      states: { orderState: 'Open', paymentState: 'Paid', shipmentState: 'unset' },
      mappings: ['the.mapping (RETAILER 1)'],
      skippedStatuses: 'nothing_skipped',
    });
  });

  it('says which state may have stayed behind, and why', () => {
    const { skippedStatuses, doubt } = outcomeDetails({
      ...PAID,
      outcome: 'unchanged',
      status: 'PICK_PACK',
      states: {},
      skipped: { states: {}, result: 'unknown', doubt: 'a state may have stayed behind' },
    });
    expect([skippedStatuses, doubt]).toEqual(['unknown', 'a state may have stayed behind']);
  });

  it('names the hooks that the order is updated without, and why', () => {
    const { lostHooks } = outcomeDetails({
      ...PAID,
      hooks: [
        { hook: 'Good', actions: ['setCustomField'] },
        { hook: 'Odd', actions: [], lost: 'no such field' },
      ],
    });
    expect(lostHooks).toStrictEqual({ Odd: 'no such field' });
  });

  it('shows a state as it is when the sync did not change it', () => {
    const details = (outcome: SyncResult['outcome']) =>
      outcomeDetails({
        ...PAID,
        outcome,
        status: 'BOOKED',
        states: { paymentState: 'Pending' },
      });
    expect(details('unchanged').states).toMatchObject({ orderState: 'Open', paymentState: 'Paid' });
    expect(details('updated').states).toEqual({
      orderState: 'Open',
      paymentState: 'Paid -> Pending',
      shipmentState: 'unset',
    });
    expect(Object.keys(details('updated'))).toEqual([
      'fluentStatus',
      'order',
      'orderVersion',
      'states',
      'reasons',
    ]);
    expect(Object.keys(details('unmapped'))).toContain('mappings');
    // A hook has left the order alone.
    expect(outcomeDetails({ ...PAID, outcome: 'unmapped', skipped: undefined }).mappings).toBeUndefined();
  });
});
