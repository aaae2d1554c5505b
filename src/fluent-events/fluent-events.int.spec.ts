import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { graphqlEndpoints } from '../../test/support/graphql-endpoints.js';
import { ACCOUNT, literalConfig } from '../../test/support/literal-config.js';
import { startLocalServer } from '../../test/support/local-server.js';
import { ConfigurationError, TransientError } from '../errors.js';
import { FluentEndpoints } from '../fluent/index.js';
import { ConnectorMetrics } from '../metrics/index.js';
import { FluentEmulator } from '../testing/index.js';
import { OutageError, UpstreamHttp } from '../transport/index.js';
import {
  ConfirmParcels,
  type EventEnvelope,
  EventFailedError,
  EventNotMatchedError,
  FluentEvent,
  FluentEvents,
  FulfilmentPack,
  InvalidEventError,
  OrderAppeasement,
  OrderCancel,
  OrderRevision,
  RulesetNotFoundError,
  WaveDispatchInitiated,
  WavePack,
} from './index.js';
import { WAIT } from '../../test/support/wait.js';

const ORDER = { entityId: '512', entityRef: 'CC_2024_512' };
const FULFILMENT = {
  entityId: '733',
  entityRef: 'b3a1c1f4-5c5e-4a33-9c0e-0a4f3d6a2b11',
  entitySubtype: 'CC_PFS',
  rootEntityId: '512',
  rootEntityRef: 'CC_2024_512',
};
const PACK = {
  pickedItems: [
    { productRef: 'SHIRT-M', catalogueRef: 'DEFAULT:1', availableQty: 2, GTIN: '04012345678901' },
  ],
  fulfilmentItems: [
    {
      skuRef: 'SHIRT-M',
      orderItemId: '901',
      orderItemRef: 'LINE-1',
      fulfilmentItemRef: 'FI-1',
      requestedQty: 3,
      availableQty: 2,
      rejectedQty: 1,
    },
  ],
};
const ARTICLE = {
  packaging_name: 'Small',
  length: '20',
  width: '15.5',
  height: '10',
  weight: '1.2',
  maxWeight: '3',
  minWeight: '0.1',
  barcode: '0001234',
  items: [{ fulfilmentItemId: '77', quantity: 2 }],
};

/** One of each event, as a store's system would send it. */
const EXAMPLES: readonly EventEnvelope[] = [
  new OrderAppeasement({
    ...ORDER,
    attributes: { appeasementAmount: '12.50', appeasementReason: 'Late', comment: 'Called on Monday' },
  }),
  new OrderCancel({ ...ORDER, entitySubtype: 'HD', attributes: { reason: 'Changed mind' } }),
  new OrderRevision({
    ...ORDER,
    attributes: {
      revisedItems: [
        { orderItemRef: 'LINE-1', newQty: 1, unitPrice: 19.95, comment: 'one less' },
        {
          orderItemRef: 'LINE-2',
          newQty: 0,
          comment: 'removed',
          revisionReason: { value: 'OutOfStock', label: 'i18n.outOfStock' },
        },
        { orderItemRef: 'LINE-3' },
      ],
    },
  }),
  new WavePack({ ...FULFILMENT, attributes: PACK }),
  new WaveDispatchInitiated({
    ...FULFILMENT,
    attributes: { fulfilmentArticles: [{ name: 'Box', depth: '30', weight: '2.5' }, {}] },
  }),
  new FulfilmentPack({ ...FULFILMENT, attributes: { pickedItems: PACK.pickedItems } }),
  new ConfirmParcels({
    ...FULFILMENT,
    attributes: {
      packedItems: {
        articles: [ARTICLE],
        rejections: [
          { fulfilmentItemId: '78', rejectedQty: 1, rejectReason: { label: 'i18n.torn', value: 'torn' } },
        ],
      },
    },
  }),
];

describe('FluentEvents', () => {
  let fluent: FluentEmulator;
  let http: UpstreamHttp;
  let metrics: ConnectorMetrics;
  let events: FluentEvents;

  function connect(url: string, retailers: string[] = ['1']): FluentEvents {
    const environment = fluent.environment;
    const account = {
      ...ACCOUNT,
      baseUrl: url,
      username: environment['FLUENT_USERNAME']!,
      password: environment['FLUENT_PASSWORD']!,
      clientSecret: environment['FLUENT_CLIENT_SECRET']!,
    };
    const config = literalConfig({ accounts: [account], retailerIds: () => retailers });
    http = new UpstreamHttp(config);
    metrics = new ConnectorMetrics();
    const endpoints = graphqlEndpoints(http, metrics);
    return new FluentEvents(new FluentEndpoints(config, endpoints));
  }

  beforeEach(async () => {
    fluent = await new FluentEmulator().start();
    events = connect(fluent.url);
  });
  afterEach(async () => {
    await http.onApplicationShutdown();
    await fluent.stop();
  });
  const violationsOf = async (event: EventEnvelope): Promise<readonly string[]> => {
    const error = await events.send(event).catch((caught: unknown) => caught);
    expect(error).toBeInstanceOf(InvalidEventError);
    expect(fluent.requests.count('sendEvent')).toBe(0);
    return (error as InvalidEventError).violations;
  };
  /** An event whose parts no type checks, as it comes from a file. */
  const untyped = (type: new (fields: never) => EventEnvelope, fields: unknown) => new type(fields as never);

  describe.each(EXAMPLES.map((event) => [event.name, event] as const))('%s', (name, event) => {
    it.each(['async', 'sync'] as const)('arrives as it was written, %s', async (mode) => {
      const sent = await events.send(event, { mode });
      const { accountId: _, retailerId: __, ...written } = JSON.parse(JSON.stringify(event));
      expect(fluent.events).toMatchObject([{ id: sent.eventId, mode }]);
      expect(fluent.events[0]?.body).toStrictEqual({ ...written, name, accountId: 'ACME', retailerId: '1' });
      await expect(events.get(sent.eventId!)).resolves.toMatchObject({
        name,
        eventStatus: 'COMPLETE',
        context: { entityRef: written.entityRef, rootEntityType: 'ORDER' },
        attributes: written.attributes,
      });
    });
  });

  it('are asynchronous by default', async () => {
    const sent = await events.send(EXAMPLES[1]!);
    expect(sent.eventId).toBe(fluent.events[0]?.id);
    expect(fluent.events[0]?.mode).toBe('async');
    const done = await events.send(EXAMPLES[1]!, { mode: 'sync' });
    expect(done).toEqual({
      eventId: fluent.events[1]?.id,
      entityId: '512',
      eventStatus: 'COMPLETE',
    });
  });

  it('share the token of the account, and replace one that is refused', async () => {
    await Promise.all([events.send(EXAMPLES[0]!), events.send(EXAMPLES[1]!)]);
    expect(fluent.requests.count('token')).toBe(1);
    fluent.revokeTokens();
    await events.send(EXAMPLES[1]!);
    expect([fluent.requests.count('token'), fluent.events.length]).toEqual([2, 3]);
  });

  it('are measured under bounded names', async () => {
    await events.send(EXAMPLES[1]!);
    await events.get(fluent.events[0]!.id);
    const { values } = await metrics.upstreamRequests.get();
    expect(new Set(values.map(({ labels }) => labels.operation))).toEqual(
      new Set(['token', 'SendEventAsync', 'GetEvent']),
    );
  });

  describe('the envelope', () => {
    it('takes account and retailer from the event, then from the options, then from the configuration', async () => {
      events = connect(fluent.url, ['1', '7', '8']);
      await events.send(new OrderCancel({ ...ORDER, entitySubtype: 'HD', retailerId: '8' }), {
        retailerId: '7',
      });
      await events.send(EXAMPLES[1]!, { accountId: 'ACME', retailerId: '7' });
      expect(fluent.events.map(({ retailerId }) => retailerId)).toEqual(['8', '7']);
      await expect(events.send(EXAMPLES[1]!)).rejects.toThrow('has 1, 7, 8; name the retailer');
    });

    it('refuses accounts and retailers that are not configured', async () => {
      await expect(events.send(EXAMPLES[1]!, { accountId: 'OTHER' })).rejects.toThrow(ConfigurationError);
      await expect(events.send(EXAMPLES[1]!, { retailerId: '9' })).rejects.toThrow('FLUENT_RETAILER_IDS');
      events = connect(fluent.url, []);
      await expect(events.send(EXAMPLES[1]!)).rejects.toThrow('accepts any retailer; name the retailer');
      expect(fluent.events).toEqual([]);
    });

    it('has more required parts for OrderCancel', async () => {
      await expect(violationsOf(untyped(OrderCancel, { entityType: 'FULFILMENT' }))).resolves.toEqual([
        'entityType must be ORDER',
        'entityId is required',
        'entityRef is required',
        'entitySubtype is required',
      ]);
    });

    it('needs no subtype elsewhere; orders are of type CC', async () => {
      await events.send(untyped(WavePack, { ...FULFILMENT, entitySubtype: undefined, attributes: PACK }));
      await events.send(EXAMPLES[0]!);
      expect(fluent.events.map(({ body }) => body['entitySubtype'])).toEqual([undefined, 'CC']);
    });
  });

  it.each<[string, EventEnvelope, string[]]>([
    [
      'amounts and measures are text',
      untyped(OrderAppeasement, { ...ORDER, attributes: { appeasementAmount: 12.5, comment: 3 } }),
      [
        'attributes.appeasementAmount must be text',
        'attributes.appeasementReason is required',
        'attributes.comment must be text',
      ],
    ],
    ['attributes are needed', untyped(OrderRevision, ORDER), ['attributes is required']],
    [
      'a removed item needs a reason, quantities are whole, prices are numbers',
      untyped(OrderRevision, {
        ...ORDER,
        attributes: {
          revisedItems: [
            { orderItemRef: 'a', newQty: 0 },
            { orderItemRef: 'b', newQty: -1, comment: 5 },
            { newQty: 1.5, unitPrice: '3', revisionReason: { value: 'v' } },
          ],
        },
      }),
      [
        'attributes.revisedItems[0].revisionReason is required',
        'attributes.revisedItems[1].newQty must not be negative',
        'attributes.revisedItems[1].comment must be text',
        'attributes.revisedItems[2].orderItemRef is required',
        'attributes.revisedItems[2].newQty must be a whole number',
        'attributes.revisedItems[2].unitPrice must be a number',
        'attributes.revisedItems[2].revisionReason.label is required',
      ],
    ],
    [
      'a revision changes at least one item',
      new OrderRevision({ ...ORDER, attributes: { revisedItems: [] } }),
      ['attributes.revisedItems must hold at least one item'],
    ],
    [
      'picked quantities are more than 0; an item with a SKU names everything',
      untyped(WavePack, {
        ...FULFILMENT,
        attributes: {
          pickedItems: [
            { productRef: 'p', catalogueRef: 'c', availableQty: 0 },
            { productRef: 'p', catalogueRef: 'c', availableQty: '1' },
            { productRef: 'p', availableQty: 0.5, GTIN: 5 },
          ],
          fulfilmentItems: [
            { skuRef: 's', requestedQty: 1, availableQty: 1.5 },
            {},
            { orderItemId: 4, requestedQty: -1, availableQty: -1, rejectedQty: -1 },
          ],
        },
      }),
      [
        'attributes.pickedItems[0].availableQty must be more than 0',
        'attributes.pickedItems[1].availableQty must be a number',
        'attributes.pickedItems[2].catalogueRef is required',
        'attributes.pickedItems[2].GTIN must be text',
        'attributes.fulfilmentItems[0].orderItemId is required',
        'attributes.fulfilmentItems[0].orderItemRef is required',
        'attributes.fulfilmentItems[0].fulfilmentItemRef is required',
        'attributes.fulfilmentItems[0].availableQty must be a whole number',
        'attributes.fulfilmentItems[0].rejectedQty is required',
        'attributes.fulfilmentItems[2].orderItemId must be text',
        'attributes.fulfilmentItems[2].requestedQty must not be negative',
        'attributes.fulfilmentItems[2].availableQty must not be negative',
        'attributes.fulfilmentItems[2].rejectedQty must not be negative',
      ],
    ],
    [
      'lists are lists of objects',
      untyped(FulfilmentPack, {
        ...FULFILMENT,
        attributes: { pickedItems: 'none', fulfilmentItems: ['x', null] },
      }),
      ['attributes.pickedItems must be a list', 'attributes.fulfilmentItems must hold objects only'],
    ],
    [
      'articles of a dispatch hold text only',
      untyped(WaveDispatchInitiated, {
        ...FULFILMENT,
        attributes: { fulfilmentArticles: [{ depth: 30, maxWeight: 1 }] },
      }),
      [
        'attributes.fulfilmentArticles[0].depth must be text',
        'attributes.fulfilmentArticles[0].maxWeight must be text',
      ],
    ],
    [
      'both lists of packed items are there',
      untyped(ConfirmParcels, { ...FULFILMENT, attributes: { packedItems: {} } }),
      ['attributes.packedItems.articles is required', 'attributes.packedItems.rejections is required'],
    ],
    [
      'a parcel has all its measures, as text',
      untyped(ConfirmParcels, {
        ...FULFILMENT,
        attributes: {
          packedItems: {
            articles: [{ ...ARTICLE, width: 30, weight: undefined, items: [{ quantity: 0.5 }] }],
            rejections: [
              { rejectedQty: '1', rejectReason: { label: 1 } },
              { fulfilmentItemId: '78', rejectedQty: -1 },
            ],
          },
        },
      }),
      [
        'attributes.packedItems.articles[0].width must be text',
        'attributes.packedItems.articles[0].weight is required',
        'attributes.packedItems.articles[0].items[0].fulfilmentItemId is required',
        'attributes.packedItems.articles[0].items[0].quantity must be a whole number',
        'attributes.packedItems.rejections[0].fulfilmentItemId is required',
        'attributes.packedItems.rejections[0].rejectedQty must be a whole number',
        'attributes.packedItems.rejections[0].rejectReason.label must be text',
        'attributes.packedItems.rejections[1].rejectedQty must not be negative',
      ],
    ],
    [
      'an event with another name needs an entity',
      untyped(FluentEvent, { name: '', attributes: [] }),
      [
        'name is required and must not be blank',
        'entityType is required',
        'attributes must be an object',
        'entityId or entityRef is required',
      ],
    ],
  ])('checks before sending: %s', async (_, event, violations) => {
    expect([...(await violationsOf(event))].sort()).toEqual(violations.sort());
  });

  it('allows a parcel confirmation without parcels, and fills in the reason of a rejection at picking', async () => {
    const packedItems = { articles: [], rejections: [{ fulfilmentItemId: '1', rejectedQty: 2 }] };
    await events.send(new ConfirmParcels({ ...FULFILMENT, attributes: { packedItems } }));
    expect(fluent.events[0]?.body['attributes']).toEqual({
      packedItems: {
        articles: [],
        rejections: [
          {
            fulfilmentItemId: '1',
            rejectedQty: 2,
            rejectReason: {
              label: 'fc.sf.rejectionReason.outsideOfPacking',
              value: 'Rejected outside of packing',
            },
          },
        ],
      },
    });
  });

  it('sends events of any name, their attributes untouched', async () => {
    const attributes = { nested: [{ when: null, count: '1', list: [[1], []] }], flag: false };
    await events.send(
      new FluentEvent({ name: 'ParcelLost', entityType: 'ORDER', entityRef: 'O_1', attributes }),
    );
    expect(fluent.events[0]?.body).toStrictEqual({
      name: 'ParcelLost',
      accountId: 'ACME',
      retailerId: '1',
      entityType: 'ORDER',
      entityRef: 'O_1',
      attributes,
    });
  });

  describe('a synchronous event', () => {
    it.each([
      ['FAILED', EventFailedError],
      ['NO_MATCH', EventNotMatchedError],
      ['NO_RULESET', RulesetNotFoundError],
    ] as const)('that ends as %s is a typed error', async (outcome, type) => {
      fluent.onEvent('OrderCancel', outcome);
      const error = await events.send(EXAMPLES[1]!, { mode: 'sync' }).catch((caught: unknown) => caught);
      expect(error).toBeInstanceOf(type);
      expect(error).toMatchObject({
        eventName: 'OrderCancel',
        message: expect.stringContaining('account ACME, retailer 1: event OrderCancel'),
        eventId: outcome === 'NO_RULESET' ? undefined : fluent.events[0]?.id,
      });
      await expect(events.send(EXAMPLES[1]!)).resolves.toHaveProperty('eventId');
    });

    it('without a status is a failure', async () => {
      await using server = await startLocalServer(({ path }) => ({
        json: path === '/oauth/token' ? { access_token: 't', expires_in: 60 } : {},
      }));
      events = connect(server.url);
      await expect(events.send(EXAMPLES[1]!, { mode: 'sync' })).rejects.toThrow(TransientError);
    });
  });

  it('accepts an asynchronous answer without a body, but not a page of something in between', async () => {
    let text = '';
    await using server = await startLocalServer(({ path }) =>
      path === '/oauth/token' ? { json: { access_token: 't', expires_in: 60 } } : { text },
    );
    events = connect(server.url);
    await expect(events.send(EXAMPLES[1]!)).resolves.toEqual({});
    text = 'OK';
    await expect(events.send(EXAMPLES[1]!)).resolves.toEqual({});
    text = '<html>';
    await expect(events.send(EXAMPLES[1]!)).rejects.toThrow(TransientError);
  });

  it('classifies failures like every call to Fluent', async () => {
    fluent.faults.set({ kind: 'rate-limit', operation: 'sendEvent', retryAfterSeconds: 4, times: 1 });
    await expect(events.send(EXAMPLES[1]!)).rejects.toMatchObject({
      name: 'OutageError',
      retryAfterMs: 4000,
    });
    fluent.faults.set({ kind: 'reset', operation: 'sendEvent', times: 1 });
    await expect(events.send(EXAMPLES[1]!)).rejects.toThrow(OutageError);
    const abort = new AbortController();
    fluent.faults.set({ kind: 'hang', operation: 'sendEvent', times: 1 });
    const hanging = events.send(EXAMPLES[1]!, { signal: abort.signal });
    await expect.poll(() => fluent.faults.triggered('hang'), WAIT).toBe(1);
    abort.abort(new Error('shut down'));
    await expect(hanging).rejects.toThrow('shut down');
  });

  describe('looking events up', () => {
    const named = (name: string, entityRef: string) =>
      new FluentEvent({ name, entityType: 'ORDER', entityRef, entityId: `id-${entityRef}` });
    const all = async (...args: Parameters<FluentEvents['find']>) => {
      const found: string[] = [];
      for await (const { context } of events.find(...args)) found.push(context.entityRef!);
      return found;
    };

    it('does not know every id', async () => {
      await expect(events.get('../event')).resolves.toBeUndefined();
    });

    it('reads every page, and only as far as it is asked', async () => {
      for (let index = 0; index < 25; index++) await events.send(named('Ping', String(index)));
      fluent.requests.clear();
      await expect(all({ name: 'Ping' }, { pageSize: 10 })).resolves.toEqual(
        Array.from({ length: 25 }, (_, index) => String(index)),
      );
      expect(fluent.requests.count('findEvents')).toBe(3);
      for await (const _ of events.find({}, { pageSize: 10 })) break;
      expect(fluent.requests.count('findEvents')).toBe(4);
      await expect(all({}, { pageSize: 5001 })).rejects.toThrow(RangeError);
    });

    it('gives an event once although new ones push it onto the next page', async () => {
      const pages = [
        { start: 0, hasMore: true, results: ['1', '2'] },
        { start: 2, hasMore: true, results: ['2', '3'] },
        { start: 4, hasMore: true, results: [] },
      ];
      await using server = await startLocalServer(({ path }) => {
        if (path === '/oauth/token') return { json: { access_token: 't', expires_in: 60 } };
        const page = pages.shift()!;
        const results = page.results.map((id) => ({ id, name: 'Ping', context: { entityRef: id } }));
        return { json: { ...page, results } };
      });
      events = connect(server.url);
      await expect(all({}, { pageSize: 2 })).resolves.toEqual(['1', '2', '3']);
      expect(server.requests.at(-1)?.path).toBe('/api/v4.1/event?start=4&count=2');
    });

    it('filters by everything that Fluent filters by', async () => {
      await events.send(named('Ping', 'a'));
      await events.send(EXAMPLES[3]!);
      const at = fluent.events[0]!.receivedAt;
      const [soon, long] = [new Date(at + 60_000), new Date(at - 60_000)];
      const wanted = 'b3a1c1f4-5c5e-4a33-9c0e-0a4f3d6a2b11';
      await expect(all({ entityRef: 'a' })).resolves.toEqual(['a']);
      await expect(all({ entityId: 'id-a', entityType: 'ORDER' })).resolves.toEqual(['a']);
      await expect(all({ name: 'WavePack', from: long, to: soon })).resolves.toEqual([wanted]);
      await expect(
        all({ rootEntityType: 'ORDER', rootEntityId: '512', rootEntityRef: 'CC_2024_512' }),
      ).resolves.toEqual([wanted]);
      await expect(
        all({ category: 'CUSTOM', eventType: 'ORCHESTRATION', eventStatus: 'COMPLETE', retailerId: '1' }),
      ).resolves.toHaveLength(2);
      for (const filter of [
        { from: soon },
        { to: long },
        { eventStatus: 'FAILED' },
        { eventType: 'API' },
        { category: 'rule' },
        { retailerId: '2' },
        { rootEntityId: '1' },
      ]) {
        await expect(all(filter)).resolves.toEqual([]);
      }
    });
  });
});
