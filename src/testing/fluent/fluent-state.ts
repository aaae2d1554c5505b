/** One attribute of a Fluent order. */
export interface FluentAttributeRecord {
  readonly name: string;
  readonly type: string;
  readonly value: unknown;
}

/** One item of a Fluent order. */
export interface FluentOrderItemRecord {
  readonly ref: string;
  readonly productRef: string;
  readonly productCatalogueRef?: string | null;
  /** `ACTIVE` by default. */
  readonly status?: string | null;
  readonly quantity: number;
  readonly paidPrice?: number | null;
  readonly currency?: string | null;
  readonly price?: number | null;
  readonly taxPrice?: number | null;
  readonly taxType?: string | null;
  readonly totalPrice?: number | null;
  readonly totalTaxPrice?: number | null;
  readonly attributes?: readonly FluentAttributeRecord[] | null;
}

/** How an order is to be delivered, as `createOrder` takes it. */
export interface FulfilmentChoiceRecord {
  readonly deliveryType: string;
  readonly deliveryInstruction?: string | null;
  readonly fulfilmentType?: string | null;
  readonly fulfilmentPrice?: number | null;
  readonly fulfilmentTaxPrice?: number | null;
  readonly currency?: string | null;
  readonly pickupLocationRef?: string | null;
  readonly deliveryAddress?: (Readonly<Record<string, unknown>> & { readonly ref: string }) | null;
}

/** A status of an order and when it began (milliseconds since 1970). */
export interface StatusChange {
  readonly status: string;
  readonly at: number;
  /** A rule leaves an event in the audit log, a mutation does not. */
  readonly by: 'rule' | 'mutation';
}

/** An order in the Fluent emulator. */
export interface FluentOrderRecord {
  readonly id: string;
  readonly ref: string;
  readonly type: string;
  readonly status: string;
  readonly retailerId: string;
  readonly attributes: readonly FluentAttributeRecord[];
  readonly items: readonly FluentOrderItemRecord[];
  readonly totalPrice?: number | null;
  readonly totalTaxPrice?: number | null;
  readonly customerId?: string;
  readonly paymentRef?: string;
  readonly fulfilmentChoice?: FulfilmentChoiceRecord;
  /** Values of the fields that an extension adds to `Order`, by the names of the fields. */
  readonly fields: Readonly<Record<string, unknown>>;
  /** ISO 8601. */
  readonly createdOn: string;
  /** ISO 8601; moved by every change. */
  readonly updatedOn: string;
  /** Every status of the order, oldest first. The last one is the current status. */
  readonly history: readonly StatusChange[];
}

/** What `FluentEmulator.addOrder` needs. */
export interface NewFluentOrder {
  /** A free number by default. */
  id?: string;
  ref: string;
  /** `RECEIVED` by default. */
  status?: string;
  /** The emulator's own retailer by default. */
  retailerId?: string;
  /** `HD` (home delivery) by default. */
  type?: string;
  attributes?: readonly FluentAttributeRecord[];
  items?: readonly FluentOrderItemRecord[];
  totalPrice?: number | null;
  totalTaxPrice?: number | null;
  customerId?: string;
  paymentRef?: string;
  fulfilmentChoice?: FulfilmentChoiceRecord;
  /** Values of the fields that an extension adds to `Order`, by the names of the fields. */
  fields?: Readonly<Record<string, unknown>>;
}

/** A setting in the Fluent emulator. */
export interface FluentSettingRecord {
  readonly id: string;
  readonly name: string;
  readonly valueType: string;
  readonly value: string | null;
  readonly lobValue: unknown;
  readonly context: string;
  readonly contextId: number;
}

/** What `FluentEmulator.setSetting` needs. */
export interface NewFluentSetting {
  name: string;
  /** Text, for value types other than `JSON` and `LOB`. */
  value?: string;
  /** Anything that is JSON; makes the value type `JSON` unless one is given. */
  lobValue?: unknown;
  valueType?: string;
  /** `RETAILER` by default. */
  context?: 'RETAILER' | 'ACCOUNT' | 'GLOBAL' | (string & {});
  /** The emulator's own retailer for `RETAILER`, else 0. */
  contextId?: number;
}

interface StoredOrder extends FluentOrderRecord {
  readonly sequence: number;
  status: string;
  attributes: readonly FluentAttributeRecord[];
  items: readonly FluentOrderItemRecord[];
  totalPrice?: number | null;
  totalTaxPrice?: number | null;
  updatedOn: string;
  updatedAt: number;
  readonly createdAt: number;
  readonly history: StatusChange[];
}

/** What {@link FluentState.updateOrder} writes; what is left out stays. */
export interface OrderChanges {
  readonly status?: string | null;
  readonly attributes?: readonly FluentAttributeRecord[] | null;
  readonly totalPrice?: number | null;
  readonly totalTaxPrice?: number | null;
  /** By the ids of the items. */
  readonly items?:
    | readonly (
        | ({
            readonly [field in keyof FluentOrderItemRecord]?: FluentOrderItemRecord[field] | null;
          } & { readonly id: string })
        | null
      )[]
    | null;
}

/** What {@link FluentState.updateSetting} writes; what is left out stays. */
export type SettingChanges = {
  readonly [field in Exclude<keyof FluentSettingRecord, 'id'>]?: FluentSettingRecord[field] | null;
};

interface StoredSetting extends FluentSettingRecord {
  readonly sequence: number;
}

/** With which `createOrder` creates an order. */
const FIRST_STATUS = 'CREATED';
/** Orders that are walked for days keep this many of their latest statuses. */
const HISTORY_LIMIT = 1000;

/** The orders and settings of one emulated Fluent account. */
export class FluentState {
  readonly #orders = new Map<string, StoredOrder>();
  readonly #ordersByRef = new Map<string, StoredOrder>();
  readonly #settings = new Map<string, StoredSetting>();
  #sequence = 0;

  constructor(
    private readonly defaultRetailerId: string,
    private readonly now: () => number,
  ) {}

  /** @throws Error when the id is taken. */
  addOrder(order: NewFluentOrder): FluentOrderRecord {
    const sequence = (this.#sequence += 1);
    const { ref, status = 'RECEIVED', retailerId = this.defaultRetailerId, type = 'HD' } = order;
    const id = order.id ?? String(1000 + sequence);
    if (this.#orders.has(id)) throw new Error(`Fluent emulator: an order with the id ${id} exists`);
    const at = this.now();
    const time = new Date(at).toISOString();
    const added: StoredOrder = {
      sequence,
      id,
      ref,
      type,
      status,
      retailerId,
      attributes: order.attributes ?? [],
      items: order.items ?? [],
      totalPrice: order.totalPrice,
      totalTaxPrice: order.totalTaxPrice,
      customerId: order.customerId,
      paymentRef: order.paymentRef,
      fulfilmentChoice: order.fulfilmentChoice,
      fields: order.fields ?? {},
      createdOn: time,
      updatedOn: time,
      createdAt: at,
      updatedAt: at,
      // A workflow leads an order to every status but its first one.
      history: [{ status, at, by: status === FIRST_STATUS ? 'mutation' : 'rule' }],
    };
    this.#orders.set(id, added);
    this.#ordersByRef.set(ref, added);
    return added;
  }

  /** @returns the order with that id, or undefined. The record is live: it shows later changes. */
  order(id: string): StoredOrder | undefined {
    return this.#orders.get(id);
  }

  orderByRef(ref: string): StoredOrder | undefined {
    return this.#ordersByRef.get(ref);
  }

  /** Every order, oldest first. */
  get orders(): readonly StoredOrder[] {
    return [...this.#orders.values()];
  }

  /** @throws Error when the order does not exist. */
  existingOrder(id: string): StoredOrder {
    const order = this.#orders.get(id);
    if (!order) throw new Error(`Fluent emulator: there is no order with the id ${id}`);
    return order;
  }

  setStatus(id: string, status: string, by: StatusChange['by'] = 'rule'): FluentOrderRecord {
    const order = this.existingOrder(id);
    const at = this.now();
    order.status = status;
    order.updatedAt = at;
    order.updatedOn = new Date(at).toISOString();
    order.history.push({ status, at, by });
    if (order.history.length > HISTORY_LIMIT) order.history.shift();
    return order;
  }

  /** Writes what is given, the attributes by name, and moves `updatedOn`. */
  updateOrder(id: string, changes: OrderChanges): StoredOrder {
    const order = this.existingOrder(id);
    const { status, attributes, totalPrice, totalTaxPrice, items } = changes;
    if (items) {
      order.items = order.items.map((item, index) => {
        const { id: _id, ...change } = items.find((each) => each?.id === orderItemId(order, index)) ?? { id };
        const written = Object.entries(change).filter(([, value]) => value != null);
        return { ...item, ...Object.fromEntries(written) };
      });
    }
    if (attributes) {
      const replaced = new Set(attributes.map(({ name }) => name));
      order.attributes = [...order.attributes.filter(({ name }) => !replaced.has(name)), ...attributes];
    }
    if (totalPrice != null) order.totalPrice = totalPrice;
    if (totalTaxPrice != null) order.totalTaxPrice = totalTaxPrice;
    if (status != null) this.setStatus(id, status, 'mutation');
    order.updatedAt = this.now();
    order.updatedOn = new Date(order.updatedAt).toISOString();
    return order;
  }

  /** Creates a setting, or replaces the one with the same name, context and context id. */
  setSetting(setting: NewFluentSetting): FluentSettingRecord {
    const { name, lobValue, value, context = 'RETAILER' } = setting;
    const contextId = setting.contextId ?? (context === 'RETAILER' ? Number(this.defaultRetailerId) : 0);
    const key = settingKey(name, context, contextId);
    const sequence = this.#settings.get(key)?.sequence ?? (this.#sequence += 1);
    const stored: StoredSetting = {
      sequence,
      id: String(sequence),
      name,
      valueType: setting.valueType ?? (lobValue === undefined ? 'STRING' : 'JSON'),
      value: value ?? null,
      lobValue: lobValue ?? null,
      context,
      contextId,
    };
    this.#settings.set(key, stored);
    return stored;
  }

  /** Writes what is given; the setting keeps its id and place. */
  updateSetting(stored: StoredSetting, changes: SettingChanges): FluentSettingRecord {
    const given = Object.fromEntries(Object.entries(changes).filter(([, value]) => value != null));
    const updated: StoredSetting = { ...stored, ...given };
    this.#settings.delete(settingKey(stored.name, stored.context, stored.contextId));
    this.#settings.set(settingKey(updated.name, updated.context, updated.contextId), updated);
    return updated;
  }

  /** @returns whether the setting existed. Without a context, removes it from every context. */
  removeSetting(name: string, context?: string, contextId?: number): boolean {
    let removed = false;
    for (const [key, setting] of this.#settings) {
      if (setting.name !== name || (context !== undefined && setting.context !== context)) continue;
      if (contextId !== undefined && setting.contextId !== contextId) continue;
      removed = this.#settings.delete(key);
    }
    return removed;
  }

  get settings(): readonly StoredSetting[] {
    return [...this.#settings.values()];
  }
}

/** @returns the id of an order's item by its place, from 0. */
export function orderItemId({ id }: { readonly id: string }, index: number): string {
  return `${id}-${index + 1}`;
}

function settingKey(name: string, context: string, contextId: number): string {
  return JSON.stringify([name, context, contextId]);
}
