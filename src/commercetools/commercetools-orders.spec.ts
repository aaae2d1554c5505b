import { gql, type TypedDocumentNode } from '@apollo/client';
import { describe, expect, expectTypeOf, it, vi } from 'vitest';
import type { ConnectorConfig, RetailerScope } from '../config/index.js';
import { PermanentError, TransientError } from '../errors.js';
import { ConnectorMetrics } from '../metrics/index.js';
import { CommercetoolsOrders } from './commercetools-orders.js';
import { ConflictError } from './conflict-error.js';
import type { OrderLookup, OrderLookupOptions } from './order-lookup.js';
import type { OrderUpdate } from './order-update.js';
import type { CommercetoolsOrder, OrderUpdateAction } from './order.js';

const SCOPE = {
  account: { id: 'ACME' },
  project: { key: 'shop' },
  orderLookup: 'orderNumber',
  orderRefPrefix: 'HD_',
} as RetailerScope;
const REF = { id: '1', ref: 'HD_7' };
const DELIVERED: OrderUpdateAction = { changeShipmentState: { shipmentState: 'Delivered' } };

/** One order that refuses writes with another version than its own. */
class Shop {
  version = 1;
  finds: OrderLookupOptions[] = [];
  readonly sent: [number, readonly OrderUpdateAction[]][] = [];
  readonly metrics = new ConnectorMetrics();
  beforeWrite: () => void = () => undefined;
  order: (() => unknown) | undefined;

  get orders(): CommercetoolsOrders {
    const lookup: OrderLookup = {
      find: async (_order, _scope, options = {}) => {
        this.finds.push(options);
        if (this.order) return this.order() as CommercetoolsOrder;
        return { id: 'ct-1', version: this.version, orderState: 'Open', fields: { email: null } };
      },
    };
    const update: OrderUpdate = {
      apply: async ({ version }, actions) => {
        this.beforeWrite();
        if (version !== this.version) throw new ConflictError('conflict');
        this.sent.push([version, actions]);
      },
    };
    const config = { orderNotFoundMaxAgeSeconds: 60 } as ConnectorConfig;
    return new CommercetoolsOrders(lookup, update, config, this.metrics);
  }

  async conflicts(): Promise<number | undefined> {
    return (await this.metrics.conflicts.get()).values[0]?.value;
  }
}

describe('updateOrder', () => {
  it('sends the actions with the version that was read', async () => {
    const shop = new Shop();
    const result = await shop.orders.updateOrder(SCOPE, REF, () => [DELIVERED]);
    expect(result).toMatchObject({ outcome: 'updated', order: { id: 'ct-1' }, actions: [DELIVERED] });
    expect(shop.sent).toEqual([[1, [DELIVERED]]]);
  });

  it('sends nothing without actions', async () => {
    const shop = new Shop();
    expect(await shop.orders.updateOrder(SCOPE, REF, async () => [])).toMatchObject({ outcome: 'unchanged' });
    expect(shop.sent).toEqual([]);
  });

  it('reads and decides again after a conflict, and never repeats the old decision', async () => {
    const shop = new Shop();
    shop.beforeWrite = () => {
      shop.version = 2;
    };
    const seen: number[] = [];
    await shop.orders.updateOrder(SCOPE, REF, ({ version }) => {
      seen.push(version);
      return [{ setCustomField: { name: `v${version}` } }];
    });
    expect(seen).toEqual([1, 2]);
    expect(shop.sent).toEqual([[2, [{ setCustomField: { name: 'v2' } }]]]);
    expect(await shop.conflicts()).toBe(1);
  });

  it('leaves the rest to the queue after five conflicts in a row', async () => {
    vi.spyOn(Math, 'random').mockReturnValue(0);
    const shop = new Shop();
    shop.beforeWrite = () => (shop.version += 1);
    await expect(shop.orders.updateOrder(SCOPE, REF, () => [DELIVERED])).rejects.toBeInstanceOf(
      ConflictError,
    );
    expect([shop.finds.length, await shop.conflicts()]).toEqual([5, 5]);
    vi.restoreAllMocks();
  });

  it('reads the fields of a typed fragment with the order', async () => {
    const shop = new Shop();
    const fields: TypedDocumentNode<{ email: string | null }> = gql`
      fragment Contact on Order {
        email: customerEmail
      }
    `;
    const decide = vi.fn<() => OrderUpdateAction[]>(() => []);
    const { order } = await shop.orders.updateOrder(
      SCOPE,
      REF,
      (current) => {
        expectTypeOf(current.fields).toEqualTypeOf<{ email: string | null }>();
        return decide();
      },
      { fields, correlationId: 'n-1' },
    );
    expect(order.fields.email).toBeNull();
    await shop.orders.updateOrder(SCOPE, REF, decide, { fields });
    const [first, second] = shop.finds.map(({ commercetoolsFields }) => commercetoolsFields);
    expect(first?.definitions).toMatchObject([{ name: { value: 'OrderFields' } }, {}]);
    expect(second).toBe(first);
    expect(shop.finds[0]?.correlationId).toBe('n-1');
  });

  it('says so when the look-up does not read the fields', async () => {
    const shop = new Shop();
    shop.order = () => ({ id: 'ct-1', version: 1, orderState: 'Open' });
    const fields = 'fragment Contact on Order { customerEmail }';
    await expect(shop.orders.updateOrder(SCOPE, REF, () => [], { fields })).rejects.toThrow(
      'find() returned an order without the fields that were asked for',
    );
  });

  it('waits for an order that commercetools does not have yet, and says how it was looked up', async () => {
    const shop = new Shop();
    shop.order = () => undefined;
    const failure = shop.orders.updateOrder(SCOPE, REF, () => []);
    await expect(failure).rejects.toThrow(
      'commercetools project shop has no order for the Fluent ref HD_7 (account ACME, looked up by orderNumber ' +
        'without the prefix HD_); if the order should exist, check ORDER_LOOKUP and ORDER_REF_PREFIX',
    );
    await expect(failure).rejects.toMatchObject({ code: 'OrderNotFound', maxAgeSeconds: 60 });
    await expect(failure).rejects.toBeInstanceOf(TransientError);
  });

  it('passes every other error on, without another attempt', async () => {
    const shop = new Shop();
    const refused = new PermanentError('refused');
    shop.beforeWrite = () => {
      throw refused;
    };
    await expect(shop.orders.updateOrder(SCOPE, REF, () => [DELIVERED])).rejects.toBe(refused);
    expect(shop.finds).toHaveLength(1);
  });
});
