import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  EmulatorSession,
  basicAuthorization,
  postForm,
  readAnswer,
} from '../../../test/support/emulator-session.js';
import { CommercetoolsEmulator, type CommercetoolsEmulatorOptions } from './commercetools-emulator.js';

let commercetools: CommercetoolsEmulator;
let session: EmulatorSession;

async function startCommercetools(options?: CommercetoolsEmulatorOptions): Promise<void> {
  await commercetools?.stop();
  commercetools = await new CommercetoolsEmulator(options).start();
  session = EmulatorSession.forCommercetools(commercetools);
}

const UPDATE = `mutation ($id: String, $number: String, $version: Long!, $actions: [OrderUpdateAction!]!) {
  updateOrder(id: $id, orderNumber: $number, version: $version, actions: $actions) { id version }
}`;
const CONFIRM = { changeOrderState: { orderState: 'Confirmed' } };

beforeEach(() => startCommercetools());
afterEach(() => commercetools.stop());

describe('OAuth', () => {
  const tokenOf = (form: Record<string, string>, authorization = basicAuthorization(commercetools)) =>
    postForm(`${commercetools.url}/oauth/token`, form, { authorization }).then(readAnswer);
  const GRANT = { grant_type: 'client_credentials' };

  it('gives a token for the scope that was asked for', async () => {
    const { status, json } = await tokenOf({ ...GRANT, scope: 'manage_orders:demo' });
    expect(status).toBe(200);
    expect(json).toMatchObject({ expires_in: 172_800, token_type: 'Bearer', scope: 'manage_orders:demo' });
  });

  it('refuses wrong credentials, another grant, and a scope the client does not have', async () => {
    expect(await tokenOf(GRANT, `Basic ${btoa('connector:wrong')}`)).toMatchObject({
      status: 401,
      json: { statusCode: 401, error: 'invalid_client', errors: [{ code: 'invalid_client' }] },
    });
    expect((await tokenOf({ grant_type: 'password' })).json.error).toBe('unsupported_grant_type');
    expect(await tokenOf({ ...GRANT, scope: 'manage_orders:other' })).toMatchObject({
      status: 400,
      json: { error: 'invalid_scope' },
    });
  });

  it('answers 401 in REST shape for a missing or expired token', async () => {
    let now = 1_700_000_000_000;
    await startCommercetools({ tokenLifetimeSeconds: 3600, now: () => now });
    await session.token();
    now += 3_600_000;
    expect(await session.graphql('{ orders { total } }')).toMatchObject({
      status: 401,
      json: { statusCode: 401, error: 'invalid_token', errors: [{ code: 'invalid_token' }] },
    });
  });

  it('reports insufficient_scope for a write with a reading scope', async () => {
    const { id } = commercetools.addOrder({ orderNumber: 'O_1' });
    session = EmulatorSession.forCommercetools(commercetools, 'view_orders:demo');
    expect((await session.graphql('{ order(orderNumber: "O_1") { id } }')).json.data.order.id).toBe(id);
    const { json } = await session.graphql(UPDATE, { id, version: 1, actions: [CONFIRM] });
    expect(json.errors[0].extensions.code).toBe('insufficient_scope');
    expect(commercetools.order('O_1')?.orderState).toBe('Open');
  });
});

describe('reading', () => {
  it('finds an order by id and by number, and gives null for others', async () => {
    const { id } = commercetools.addOrder({ orderNumber: 'O_1', paymentState: 'Paid' });
    const { json } = await session.graphql(
      `query ($id: String) {
        byId: order(id: $id) { orderNumber version orderState paymentState shipmentState }
        byNumber: order(orderNumber: "O_1") { id }
        none: order(orderNumber: "O_2") { id }
      }`,
      { id },
    );
    expect(json.data).toEqual({
      byId: { orderNumber: 'O_1', version: 1, orderState: 'Open', paymentState: 'Paid', shipmentState: null },
      byNumber: { id },
      none: null,
    });
  });

  it('lists by simple predicates and refuses others', async () => {
    for (const orderNumber of ['O_1', 'O_2', 'O_3']) commercetools.addOrder({ orderNumber });
    const list = async (where: string, limit = 20, offset = 0) =>
      (
        await session.graphql(
          `query ($where: String, $limit: Int, $offset: Int) {
            orders(where: $where, limit: $limit, offset: $offset) { total count results { orderNumber } }
          }`,
          { where, limit, offset },
        )
      ).json;
    expect((await list('orderNumber = "O_2"')).data.orders.results).toEqual([{ orderNumber: 'O_2' }]);
    expect((await list('orderNumber in ("O_1", "O_3")', 1, 1)).data.orders).toEqual({
      total: 2,
      count: 1,
      results: [{ orderNumber: 'O_3' }],
    });
    expect((await list('totalPrice(centAmount > 1)')).errors[0].extensions.code).toBe('InvalidInput');
    expect((await list('orderNumber = "O_2"', 501)).errors[0].extensions.code).toBe('InvalidInput');
  });

  it.each(['{ order { id } }', '{ order(id: "1", orderNumber: "2") { id } }', '{ nothing }', '{ order('])(
    'answers 400 InvalidInput to %s',
    async (query) => {
      const { status, json } = await session.graphql(query);
      expect(status).toBe(400);
      expect(json.errors[0].extensions.code).toBe('InvalidInput');
    },
  );
});

describe('updating', () => {
  it('writes the three states at once and records them', async () => {
    const order = commercetools.addOrder({ orderNumber: 'O_1' });
    const actions = [
      CONFIRM,
      { changePaymentState: { paymentState: 'Paid' } },
      { changeShipmentState: { shipmentState: 'Shipped' } },
    ];
    const { json } = await session.graphql(UPDATE, { number: 'O_1', version: 1, actions });
    expect(json.data.updateOrder).toEqual({ id: order.id, version: 4 });
    const states = { orderState: 'Confirmed', paymentState: 'Paid', shipmentState: 'Shipped' };
    expect(order).toMatchObject({ ...states, version: 4 });
    expect(order.history).toMatchObject([
      { orderState: 'Open', paymentState: null, version: 1 },
      { ...states, version: 4 },
    ]);
  });

  it('raises the version by the configured step, and not at all when nothing changes', async () => {
    const steps = [5, 11];
    await startCommercetools({ versionStep: () => steps.shift() ?? 0 });
    const order = commercetools.addOrder({ orderNumber: 'O_1' });
    await session.graphql(UPDATE, { id: order.id, version: 1, actions: [CONFIRM] });
    expect(order.version).toBe(6);
    await session.graphql(UPDATE, { id: order.id, version: 6, actions: [CONFIRM] });
    expect(order.version).toBe(6);
    commercetools.setStates('O_1', { orderState: 'Complete' });
    expect(order.version).toBe(17);
  });

  it.each([200, 409])('answers a conflict with the current version at %i', async (conflictStatus) => {
    await startCommercetools({ conflictStatus });
    const order = commercetools.addOrder({ orderNumber: 'O_1' });
    commercetools.setStates('O_1', { orderState: 'Complete' });
    const { status, json } = await session.graphql(UPDATE, { id: order.id, version: 1, actions: [CONFIRM] });
    expect(status).toBe(conflictStatus);
    expect(json.data.updateOrder).toBeNull();
    expect(json.errors[0].extensions).toEqual({ code: 'ConcurrentModification', currentVersion: 4 });
    expect(order.orderState).toBe('Complete');
  });

  it('lets exactly one of two writers with the same version win', async () => {
    const { id } = commercetools.addOrder({ orderNumber: 'O_1' });
    await session.token();
    const write = (orderState: string) =>
      session.graphql(UPDATE, { id, version: 1, actions: [{ changeOrderState: { orderState } }] });
    const answers = await Promise.all([write('Confirmed'), write('Complete')]);
    expect(answers.filter(({ json }) => json.errors === undefined)).toHaveLength(1);
  });

  it('reports ResourceNotFound for an order that is not there', async () => {
    const { status, json } = await session.graphql(UPDATE, { id: 'none', version: 1, actions: [CONFIRM] });
    expect(status).toBe(200);
    expect(json.errors[0].extensions.code).toBe('ResourceNotFound');
  });

  it.each([
    ['a version as text', { version: '1', actions: [CONFIRM] }],
    ['a state outside the enum', { version: 1, actions: [{ changeOrderState: { orderState: 'Canceled' } }] }],
    ['an unknown action', { version: 1, actions: [{ explode: {} }] }],
    ['an action with two keys', { version: 1, actions: [{ ...CONFIRM, setCustomType: {} }] }],
    ['an action without a key', { version: 1, actions: [{}] }],
    ['a missing version', { actions: [CONFIRM] }],
  ])('answers 400 InvalidInput to %s and writes nothing', async (_, variables) => {
    const order = commercetools.addOrder({ orderNumber: 'O_1' });
    const { status, json } = await session.graphql(UPDATE, { id: order.id, ...variables });
    expect(status).toBe(400);
    expect(json.errors[0].extensions.code).toBe('InvalidInput');
    expect(order).toMatchObject({ version: 1, orderState: 'Open' });
  });

  it('keeps deliveries, parcels and tracking data', async () => {
    const { id } = commercetools.addOrder({ orderNumber: 'O_1' });
    const update = async (version: number, ...actions: object[]) =>
      (await session.graphql(UPDATE, { id, version, actions })).json;
    const parcel = { key: 'P-1', trackingData: { trackingId: 'T-1', carrier: 'DHL' } };
    await update(1, {
      addDelivery: { deliveryKey: 'D-1', items: [{ id: 'line', quantity: 2 }], parcels: [parcel] },
    });
    await update(
      4,
      { addParcelToDelivery: { deliveryKey: 'D-1', parcelKey: 'P-2' } },
      { setParcelTrackingData: { parcelKey: 'P-2', trackingData: { trackingId: 'T-2', isReturn: true } } },
    );
    const { json } = await session.graphql(
      `{ order(orderNumber: "O_1") { shippingInfo { deliveries {
        key items { id quantity } parcels { key trackingData { trackingId carrier isReturn } }
      } } } }`,
    );
    expect(json.data.order.shippingInfo.deliveries).toEqual([
      {
        key: 'D-1',
        items: [{ id: 'line', quantity: 2 }],
        parcels: [
          { key: 'P-1', trackingData: { trackingId: 'T-1', carrier: 'DHL', isReturn: false } },
          { key: 'P-2', trackingData: { trackingId: 'T-2', carrier: null, isReturn: true } },
        ],
      },
    ]);
    const codeOf = async (action: object) => (await update(7, action)).errors[0].extensions.code;
    expect(await codeOf({ addDelivery: { deliveryKey: 'D-1' } })).toBe('DuplicateField');
    expect(await codeOf({ addParcelToDelivery: { deliveryKey: 'D-1', parcelKey: 'P-1' } })).toBe(
      'DuplicateField',
    );
    expect(await codeOf({ addParcelToDelivery: { deliveryKey: 'D-2' } })).toBe('InvalidOperation');
    expect(await codeOf({ setParcelTrackingData: { parcelKey: 'P-3' } })).toBe('InvalidOperation');
    expect(await codeOf({ setParcelTrackingData: {} })).toBe('InvalidInput');
  });

  it('keeps custom fields of a parcel once it has a type', async () => {
    const { id } = commercetools.addOrder({ orderNumber: 'O_1' });
    const custom = { type: { key: 'tracking', typeId: 'type' } };
    const parcels = [{ key: 'P-1', custom }, { key: 'P-2' }];
    const setField = (parcelKey: string): object => ({
      setParcelCustomField: { parcelKey, name: 'url', value: '"https://example.org"' },
    });
    const update = (version: number, ...actions: object[]) =>
      session.graphql(UPDATE, { id, version, actions });
    await update(1, { addDelivery: { deliveryKey: 'D-1', parcels } }, setField('P-1'));
    expect(commercetools.order('O_1')?.shippingInfo?.deliveries[0]?.parcels).toMatchObject([
      { key: 'P-1', custom: { type: 'tracking', fields: { url: 'https://example.org' } } },
      { key: 'P-2', custom: null },
    ]);
    const { json } = await update(4, setField('P-2'));
    expect(json.errors[0].extensions.code).toBe('InvalidOperation');
  });

  it('has no deliveries without shipping info', async () => {
    const { id } = commercetools.addOrder({ orderNumber: 'O_1', shippingInfo: false });
    const { json } = await session.graphql(UPDATE, { id, version: 1, actions: [{ addDelivery: {} }] });
    expect(json.errors[0].extensions.code).toBe('InvalidOperation');
  });

  it('keeps custom fields as JSON once the order has a type', async () => {
    const { id } = commercetools.addOrder({ orderNumber: 'O_1' });
    const setField = { setCustomField: { name: 'trackingUrl', value: '"https://example.org"' } };
    const early = await session.graphql(UPDATE, { id, version: 1, actions: [setField] });
    expect(early.json.errors[0].extensions.code).toBe('InvalidOperation');
    const setType = {
      setCustomType: { type: { key: 'tracking', typeId: 'type' }, fields: [{ name: 'n', value: '1' }] },
    };
    await session.graphql(UPDATE, { id, version: 1, actions: [setType, setField] });
    const { json } = await session.graphql(
      '{ order(orderNumber: "O_1") { custom { customFieldsRaw { name value } } } }',
    );
    expect(json.data.order.custom.customFieldsRaw).toEqual([
      { name: 'n', value: 1 },
      { name: 'trackingUrl', value: 'https://example.org' },
    ]);
    const broken = { setCustomField: { name: 'n', value: 'not JSON' } };
    expect((await session.graphql(UPDATE, { id, version: 4, actions: [broken] })).status).toBe(400);
    const remove = { setCustomField: { name: 'n' } };
    await session.graphql(UPDATE, { id, version: 4, actions: [remove] });
    expect(commercetools.order('O_1')?.custom?.fields).toEqual({ trackingUrl: 'https://example.org' });
  });
});
