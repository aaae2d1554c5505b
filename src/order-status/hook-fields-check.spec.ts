import type { DiscoveryService } from '@nestjs/core';
import { Logger } from '@nestjs/common';
import { print, type DocumentNode } from 'graphql';
import { afterEach, describe, expect, it, vi } from 'vitest';
import type { CommercetoolsClient } from '../commercetools/index.js';
import type { ConnectorConfig, RetailerScope } from '../config/index.js';
import { ConfigurationError, PermanentError, TransientError } from '../errors.js';
import type { FluentClient } from '../fluent/index.js';
import type { ConnectorMetrics } from '../metrics/index.js';
import { OutageError } from '../transport/index.js';
import { HookFieldsCheck, type FieldsVerdict } from './hook-fields-check.js';
import type { OrderStatusHookOptions } from './order-status-hook.js';
import { OrderStatusHooks } from './order-status-hooks.js';

class Loyalty {
  actions = (): [] => [];
}
class Carrier {
  actions = (): [] => [];
}

const POINTS = 'fragment Points on Order { loyaltyPoints }';
const TRACKING = 'fragment Tracking on Order { trackingNumber }';
const scope = (account: string, project: string): RetailerScope =>
  ({ account: { id: account }, project: { key: project } }) as RetailerScope;
const ACME = scope('ACME', 'shop');

/** One request: which system was asked, and for what. */
interface Asked {
  readonly owner: string;
  readonly query: string;
  readonly signal?: AbortSignal;
}

/** Two accounts and one project. They refuse what `refusals` says. */
class Setup {
  readonly asked: Asked[] = [];
  /** Errors by owner, and by a text in the query. */
  readonly refusals = new Map<string, readonly [text: string, error: Error]>();
  readonly warn = vi.spyOn(Logger.prototype, 'warn').mockReturnValue();
  readonly error = vi.spyOn(Logger.prototype, 'error').mockReturnValue();
  readonly counted = vi.fn<(labels: object) => void>();
  readonly hooks: OrderStatusHooks;
  readonly check: HookFieldsCheck;

  constructor(options: OrderStatusHookOptions, others: OrderStatusHookOptions = {}, role = 'all') {
    const found = [
      { instance: new Loyalty(), metatype: Loyalty, options },
      { instance: new Carrier(), metatype: Carrier, options: others },
    ];
    const discovery = {
      getProviders: () => found,
      getMetadataByDecorator: (_: unknown, wrapper: (typeof found)[number]) => wrapper.options,
    };
    const metrics = { hookFailures: { inc: this.counted } };
    this.hooks = new OrderStatusHooks(
      discovery as unknown as DiscoveryService,
      metrics as unknown as ConnectorMetrics,
    );
    this.hooks.onModuleInit();
    const config = { role, accounts: [{ id: 'ACME' }, { id: 'OTHER' }], projects: [{ key: 'shop' }] };
    const client = { query: this.query };
    this.check = new HookFieldsCheck(
      this.hooks,
      config as unknown as ConnectorConfig,
      client as unknown as FluentClient,
      client as unknown as CommercetoolsClient,
    );
  }

  private readonly query = async (
    owner: string,
    document: DocumentNode,
    _: unknown,
    { signal }: { signal?: AbortSignal },
  ): Promise<void> => {
    const query = print(document);
    this.asked.push({ owner, query, signal });
    const [text, error] = this.refusals.get(owner) ?? [];
    if (text !== undefined && query.includes(text)) throw error;
  };

  refuse(owner: string, text: string, error: Error = new PermanentError(`no field ${text}`)): void {
    this.refusals.set(owner, [text, error]);
  }

  /** Which hooks the systems of a retailer refuse. */
  async refused(of: RetailerScope = ACME): Promise<Record<string, string>> {
    const refused = await this.check.refusedFor(of);
    return Object.fromEntries([...refused].map(([{ name }, reason]) => [name, reason]));
  }

  async verdicts(signal?: AbortSignal): Promise<FieldsVerdict[]> {
    const verdicts: FieldsVerdict[] = [];
    for await (const verdict of this.check.verdicts(signal)) verdicts.push(verdict);
    return verdicts;
  }

  owners(): string[] {
    return this.asked.splice(0).map(({ owner }) => owner);
  }
}

afterEach(() => {
  vi.useRealTimers();
});

describe('the check of the fields of hooks at the start', () => {
  it('asks each system for them, with a query that reads no order', async () => {
    const setup = new Setup({ fluentFields: POINTS }, { commercetoolsFields: TRACKING });
    await setup.check.onApplicationBootstrap();
    expect(setup.asked.map(({ owner, query }) => [owner, query.replaceAll(/\s+/g, ' ')])).toEqual([
      ...['ACME', 'OTHER'].map((account) => [
        account,
        'query CheckHookFields { orderById(id: "0") @include(if: false) { id ...OrderFields } } ' +
          'fragment OrderFields on Order { ...Loyalty__fluentFields__Points } ' +
          'fragment Loyalty__fluentFields__Points on Order { loyaltyPoints }',
      ]),
      [
        'shop',
        'query CheckHookFields { order(id: "0") @include(if: false) { id ...OrderFields } } ' +
          'fragment OrderFields on Order { ...Carrier__commercetoolsFields__Tracking } ' +
          'fragment Carrier__commercetoolsFields__Tracking on Order { trackingNumber }',
      ],
    ]);
    expect(setup.warn).not.toHaveBeenCalled();
  });

  it('gives a system five seconds to answer', async () => {
    const { signal } = new AbortController();
    const timeout = vi.spyOn(AbortSignal, 'timeout').mockReturnValue(signal);
    const setup = new Setup({ fluentFields: POINTS, commercetoolsFields: POINTS });
    await setup.check.onApplicationBootstrap();
    expect(timeout.mock.calls).toEqual([[5000], [5000], [5000]]);
    expect(setup.asked.map((each) => each.signal)).toEqual([signal, signal, signal]);
  });

  it('asks nothing without hooks that need fields, and nothing in an ingress', async () => {
    for (const setup of [new Setup({}), new Setup({ fluentFields: POINTS }, {}, 'ingress')]) {
      await setup.check.onApplicationBootstrap();
      expect(setup.asked).toEqual([]);
      expect(await setup.refused()).toEqual({});
    }
  });

  it('stops the start with all required hooks whose fields are refused, each with the system and the reason', async () => {
    const setup = new Setup({ fluentFields: POINTS }, { commercetoolsFields: TRACKING });
    setup.refuse('OTHER', 'loyaltyPoints');
    setup.refuse('shop', 'trackingNumber');
    const failure = setup.check.onApplicationBootstrap();
    const advice =
      'correct the hook or what it refers to, or let orders be updated without it: @OrderStatusHook({ required: false })';
    await expect(failure).rejects.toThrow(
      new ConfigurationError(
        `Fluent account OTHER: hook Loyalty: its fields are refused: no field loyaltyPoints; ${advice}\n` +
          `commercetools project shop: hook Carrier: its fields are refused: no field trackingNumber; ${advice}`,
      ),
    );
    expect(setup.counted.mock.calls).toEqual([
      [{ hook: 'Loyalty', cause: 'fields', required: 'true' }],
      [{ hook: 'Carrier', cause: 'fields', required: 'true' }],
    ]);
    expect(setup.hooks.failed()).toMatchObject([
      { hook: 'Loyalty', required: true, lastCause: 'fields', count: 1 },
      { hook: 'Carrier', required: true, lastCause: 'fields', count: 1 },
    ]);
  });

  it('lets the connector start when the hook is optional, and counts its failure', async () => {
    const setup = new Setup({ fluentFields: POINTS, required: false }, { fluentFields: TRACKING });
    setup.refuse('ACME', 'loyaltyPoints');
    await setup.check.onApplicationBootstrap();
    expect(setup.error.mock.calls).toEqual([
      ['Fluent account ACME: orders are updated without hook Loyalty: no field loyaltyPoints'],
    ]);
    expect(setup.hooks.failed()).toMatchObject([{ hook: 'Loyalty', required: false, lastCause: 'fields' }]);
    expect(await setup.refused()).toEqual({ Loyalty: 'no field loyaltyPoints' });
    expect(await setup.refused(scope('OTHER', 'shop'))).toEqual({});
  });

  it.each<[string, Error, string, number]>([
    ['is down', new OutageError('gone', {}), 'loyaltyPoints', 1],
    ['refuses the query without the fields, too', new PermanentError('gone'), 'query', 2],
  ])('leaves the check to the first order when a system %s', async (_, error, text, calls) => {
    const setup = new Setup({ fluentFields: POINTS });
    setup.refuse('ACME', text, error);
    await setup.check.onApplicationBootstrap();
    expect(setup.warn.mock.calls).toEqual([
      [
        'Fluent account ACME: the fields of hooks could not be checked at the start, so the first order checks them: gone',
      ],
    ]);
    expect(setup.owners().filter((owner) => owner === 'ACME')).toHaveLength(calls);
    expect(setup.hooks.failed()).toEqual([]);
    expect(await setup.refused()).toEqual({});
  });
});

describe('fields that a system refuses', () => {
  const REFUSED = { Loyalty: 'no field loyaltyPoints' };

  async function refusing(option: 'fluentFields' | 'commercetoolsFields', owner: string): Promise<Setup> {
    vi.useFakeTimers({ toFake: ['performance'] });
    const setup = new Setup({ [option]: POINTS, required: false });
    setup.refuse(owner, 'loyaltyPoints');
    await setup.check.onRefused(option, ACME);
    setup.owners();
    return setup;
  }

  it.each([
    ['fluentFields', 'ACME'],
    ['commercetoolsFields', 'shop'],
  ] as const)('are checked again once a minute while they are refused: %s', async (option, owner) => {
    const setup = await refusing(option, owner);
    vi.advanceTimersByTime(59_999);
    expect(await setup.refused()).toEqual(REFUSED);
    await setup.check.onRefused(option, ACME);
    expect(setup.owners()).toEqual([]);
    vi.advanceTimersByTime(1);
    expect(await setup.refused()).toEqual(REFUSED);
    expect(setup.owners()).toEqual([owner, owner, owner]);
    setup.refusals.clear();
    vi.advanceTimersByTime(60_000);
    expect(await setup.refused()).toEqual({});
    expect(setup.owners()).toEqual([owner]);
    vi.advanceTimersByTime(60_000);
    expect(await setup.refused()).toEqual({});
    expect(setup.owners()).toEqual([]);
  });

  it('stay refused while the system does not answer, and the log says so', async () => {
    const setup = await refusing('fluentFields', 'ACME');
    vi.advanceTimersByTime(60_000);
    setup.refuse('ACME', '', new TransientError('no answer', { code: 'Timeout' }));
    expect(await setup.refused()).toEqual(REFUSED);
    expect(setup.warn.mock.calls).toEqual([
      ['Fluent account ACME: the fields of hooks could not be checked again: no answer'],
    ]);
  });

  it('concern the retailers of that account or project alone', async () => {
    const setup = await refusing('fluentFields', 'ACME');
    expect(await setup.refused(scope('OTHER', 'shop'))).toEqual({});
    expect(await setup.refused(scope('ACME', 'shop'))).toEqual(REFUSED);
    expect(setup.owners()).toEqual([]);
  });
});

describe('the verdicts about the fields of hooks', () => {
  it('come from each system of which a hook requests fields', async () => {
    const setup = new Setup({ fluentFields: POINTS }, { fluentFields: TRACKING, required: false });
    setup.refuse('OTHER', 'Number');
    const { signal } = new AbortController();
    expect(await setup.verdicts(signal)).toEqual([
      { owner: 'Fluent account ACME', refused: [] },
      {
        owner: 'Fluent account OTHER',
        refused: [{ hook: 'Carrier', isRequired: false, reason: 'no field Number' }],
      },
    ]);
    expect(new Set(setup.asked.map((each) => each.signal))).toEqual(new Set([signal]));
    expect(await new Setup({}).verdicts()).toEqual([]);
  });

  it('say why a system could not be asked', async () => {
    const setup = new Setup({ commercetoolsFields: POINTS });
    setup.refuse('shop', 'query', new OutageError('gone', {}));
    expect(await setup.verdicts()).toEqual([
      { owner: 'commercetools project shop', refused: [], problem: 'gone' },
    ]);
  });
});
