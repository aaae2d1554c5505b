import { randomUUID } from 'node:crypto';
import { isDeepStrictEqual } from 'node:util';
import { CommercetoolsApiError } from './commercetools-api-error.js';
import type {
  CommercetoolsOrderRecord,
  CustomFieldsRecord,
  EmulatedOrderStates,
  LineItemRecord,
  MoneyRecord,
  OrderContent,
  StateChange,
} from './order-record.js';
import type { UpdateActionRule } from './action-table.js';
import type { ProjectState } from './project-state.js';
import { applyActions } from './update-actions.js';

/** A line item of a new order. */
export interface NewLineItem {
  /** A UUID by default. */
  id?: string;
  key?: string;
  sku: string;
  /** 1 by default. */
  quantity?: number;
  /** Of one piece; 10.00 EUR by default. */
  price?: MoneyRecord;
  /** By locale; the SKU under `en` by default. */
  name?: Readonly<Record<string, string>>;
  /** A UUID by default. */
  productId?: string;
  productKey?: string;
  custom?: CustomFieldsRecord;
}

/** What `CommercetoolsEmulator.addOrder` needs. */
export interface NewCommercetoolsOrder extends Partial<EmulatedOrderStates> {
  /** A UUID by default. */
  id?: string;
  orderNumber: string;
  customerEmail?: string;
  /** 1 by default. */
  version?: number;
  /** Whether the order has shipping info, without which it cannot have deliveries; true by default. */
  shippingInfo?: boolean;
  /** Custom fields, with the key of their type. */
  custom?: CustomFieldsRecord;
  lineItems?: readonly NewLineItem[];
  /** The key of the order's store. The emulator adds the store if it does not have it. */
  store?: string;
  /** Values of the fields that an extension adds to `Order`, by the names of the fields. */
  fields?: Readonly<Record<string, unknown>>;
}

type Mutable<T> = { -readonly [Key in keyof T]: T[Key] };

export interface StoredOrder extends Mutable<Omit<CommercetoolsOrderRecord, 'history'>> {
  readonly history: StateChange[];
}

/** Orders that are written for days keep this many of their latest states. */
const HISTORY_LIMIT = 1000;

/** One write that changed an order. */
export interface OrderWrite {
  readonly order: StoredOrder;
  readonly before: OrderContent;
  /** The API client that wrote. */
  readonly clientId: string;
}

/** The orders of one emulated commercetools project. */
export class CommercetoolsState {
  readonly #orders = new Map<string, StoredOrder>();
  readonly #ordersByNumber = new Map<string, StoredOrder>();

  constructor(
    private readonly versionStep: () => number,
    private readonly now: () => number,
    private readonly project: ProjectState,
    private readonly addedActions: Readonly<Record<string, UpdateActionRule>>,
    private readonly onWrite: (write: OrderWrite) => void,
  ) {}

  /** @throws Error when the id or the number is taken. */
  addOrder(order: NewCommercetoolsOrder, clientId: string): StoredOrder {
    const { id = randomUUID(), orderNumber, version = 1, shippingInfo = true } = order;
    if (this.#orders.has(id) || this.#ordersByNumber.has(orderNumber)) {
      throw new Error(`commercetools emulator: an order ${id} or with the number ${orderNumber} exists`);
    }
    const { store = null } = order;
    if (store !== null && !this.project.store({ key: store })) this.project.addStore({ key: store });
    const at = this.now();
    const time = new Date(at).toISOString();
    const states: EmulatedOrderStates = {
      orderState: order.orderState ?? 'Open',
      paymentState: order.paymentState ?? null,
      shipmentState: order.shipmentState ?? null,
    };
    const added: StoredOrder = {
      id,
      version,
      orderNumber,
      customerEmail: order.customerEmail ?? null,
      ...states,
      createdAt: time,
      lastModifiedAt: time,
      lastModifiedBy: clientId,
      shippingInfo: shippingInfo ? { shippingMethodName: 'Standard', deliveries: [] } : null,
      custom: order.custom ?? null,
      lineItems: (order.lineItems ?? []).map(newLineItem),
      store,
      fields: order.fields ?? {},
      history: [{ ...states, version, at }],
    };
    this.#orders.set(id, added);
    this.#ordersByNumber.set(orderNumber, added);
    return added;
  }

  order(id: string): StoredOrder | undefined {
    return this.#orders.get(id);
  }

  orderByNumber(orderNumber: string): StoredOrder | undefined {
    return this.#ordersByNumber.get(orderNumber);
  }

  get orders(): readonly StoredOrder[] {
    return [...this.#orders.values()];
  }

  /**
   * Applies an update under the optimistic lock.
   *
   * @param clientId the API client that writes.
   * @throws CommercetoolsApiError when the version is another one, or an action cannot be applied.
   */
  update(
    order: StoredOrder,
    version: number,
    actions: readonly Readonly<Record<string, unknown>>[],
    clientId: string,
  ): StoredOrder {
    if (order.version !== version) throw concurrentModification(order, version);
    const before = contentOf(order);
    const at = this.now();
    const time = new Date(at).toISOString();
    const after = applyActions(before, actions, { time, project: this.project }, this.addedActions);
    if (isDeepStrictEqual(before, after)) return order;
    Object.assign(order, after, {
      version: order.version + this.versionStep(),
      lastModifiedAt: time,
      lastModifiedBy: clientId,
    });
    order.history.push({
      orderState: order.orderState,
      paymentState: order.paymentState,
      shipmentState: order.shipmentState,
      version: order.version,
      at,
    });
    if (order.history.length > HISTORY_LIMIT) order.history.shift();
    this.onWrite({ order, before, clientId });
    return order;
  }
}

/** @returns what of an order an update action can change. */
export function contentOf(order: StoredOrder): OrderContent {
  const { orderState, paymentState, shipmentState, shippingInfo, custom, lineItems, store, fields } = order;
  return { orderState, paymentState, shipmentState, shippingInfo, custom, lineItems, store, fields };
}

function newLineItem({ sku, ...given }: NewLineItem): LineItemRecord {
  return {
    id: given.id ?? randomUUID(),
    key: given.key ?? null,
    productId: given.productId ?? randomUUID(),
    productKey: given.productKey ?? null,
    name: given.name ?? { en: sku },
    sku,
    quantity: given.quantity ?? 1,
    price: given.price ?? { currencyCode: 'EUR', centAmount: 1000 },
    custom: given.custom ?? null,
  };
}

export function concurrentModification(order: StoredOrder, expected: number): CommercetoolsApiError {
  return new CommercetoolsApiError(
    'ConcurrentModification',
    `the order ${order.id} has the version ${order.version}, not the expected ${expected}`,
    { currentVersion: order.version },
  );
}
