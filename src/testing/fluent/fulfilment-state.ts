import type { FluentAttributeRecord, FluentState } from './fluent-state.js';

/** An item of a fulfilment: how much of an order item it ships. */
export interface FulfilmentItemRecord {
  readonly id: string;
  /** The ref of the order's item. */
  readonly ref: string;
  readonly status: string;
  readonly requestedQuantity: number;
  readonly filledQuantity: number;
  readonly rejectedQuantity: number;
}

/** A packed article of a fulfilment, such as a parcel. */
export interface ArticleRecord {
  readonly sequence: number;
  readonly id: string;
  readonly ref: string;
  readonly type: string;
  readonly status: string;
  readonly name: string | null;
  readonly description: string | null;
  readonly quantity: number;
  readonly height: number;
  readonly length: number;
  readonly weight: number;
  readonly width: number;
  readonly attributes: readonly FluentAttributeRecord[];
}

/** A fulfilment of an order in the Fluent emulator. */
export interface FulfilmentRecord {
  readonly sequence: number;
  readonly id: string;
  readonly orderId: string;
  readonly ref: string;
  readonly type: string;
  readonly status: string;
  readonly deliveryType: string | null;
  readonly eta: string | null;
  readonly expiryTime: string | null;
  /** The ref of the location that ships. */
  readonly fromLocationRef: string | null;
  readonly attributes: readonly FluentAttributeRecord[];
  readonly items: readonly FulfilmentItemRecord[];
  readonly articles: readonly ArticleRecord[];
  /** ISO 8601. */
  readonly createdOn: string;
  /** ISO 8601; moved by every change. */
  readonly updatedOn: string;
}

/** A consignment: articles that a carrier takes. */
export interface ConsignmentRecord {
  readonly sequence: number;
  readonly id: string;
  readonly ref: string;
  readonly status: string;
  /** The carrier's tracking number. */
  readonly consignmentReference: string;
  readonly trackingLabel: string | null;
  readonly labelUrl: string | null;
  readonly orderSummaryUrl: string | null;
  readonly carrier: CarrierRecord | null;
  readonly articleIds: readonly string[];
  readonly createdOn: string;
  readonly updatedOn: string;
}

/** The carrier of a consignment. */
export interface CarrierRecord {
  readonly ref: string;
  readonly name: string;
  /** `DEFAULT` by default. */
  readonly type?: string;
}

/** What a new fulfilment needs. */
export interface NewFulfilment extends Partial<
  Omit<FulfilmentRecord, 'orderId' | 'sequence' | 'items' | 'articles' | 'createdOn' | 'updatedOn'>
> {
  readonly orderId: string;
  /** By the refs of the order's items. Quantities that are left out are those of the order, and nothing rejected. */
  readonly items?: readonly (Partial<Omit<FulfilmentItemRecord, 'id'>> & { readonly ref: string })[];
  readonly articles?: readonly Partial<Omit<ArticleRecord, 'sequence'>>[];
}

/** What a new consignment needs. */
export interface NewConsignment extends Partial<
  Omit<ConsignmentRecord, 'sequence' | 'articleIds' | 'consignmentReference' | 'createdOn' | 'updatedOn'>
> {
  readonly consignmentReference: string;
  readonly articleIds: readonly string[];
}

/** What an update of a fulfilment writes; what is left out, or null, stays. */
export interface FulfilmentChanges {
  readonly status?: string | null;
  readonly type?: string | null;
  readonly deliveryType?: string | null;
  readonly eta?: string | null;
  readonly expiryTime?: string | null;
  readonly attributes?: readonly FluentAttributeRecord[] | null;
  readonly items?: readonly ({ readonly id: string } & {
    readonly [field in 'status' | 'requestedQuantity' | 'filledQuantity' | 'rejectedQuantity']?:
      FulfilmentItemRecord[field] | null;
  })[];
}

/** What an update of a consignment writes; what is left out, or null, stays. */
export type ConsignmentChanges = {
  readonly [field in 'status' | 'consignmentReference' | 'trackingLabel' | 'labelUrl' | 'orderSummaryUrl']?:
    string | null;
};

/** The fulfilments and consignments of one emulated account. Records are live: they show later changes. */
export class EmulatedFulfilments {
  readonly #fulfilments = new Map<string, FulfilmentRecord>();
  readonly #consignments = new Map<string, ConsignmentRecord>();
  #sequence = 0;

  /** @internal */
  constructor(
    private readonly orders: Pick<FluentState, 'existingOrder'>,
    private readonly now: () => number,
  ) {}

  /** Every fulfilment, oldest first. */
  get all(): readonly FulfilmentRecord[] {
    return [...this.#fulfilments.values()];
  }

  /** Every consignment, oldest first. */
  get consignments(): readonly ConsignmentRecord[] {
    return [...this.#consignments.values()];
  }

  /** @returns the fulfilment, or undefined. */
  get(id: string): FulfilmentRecord | undefined {
    return this.#fulfilments.get(id);
  }

  /** @returns the consignment, or undefined. */
  consignment(id: string): ConsignmentRecord | undefined {
    return this.#consignments.get(id);
  }

  /** @throws Error when the order does not exist, has no item with one of the refs, or the id is taken. */
  add(fulfilment: NewFulfilment): FulfilmentRecord {
    const { orderId, items = [], articles = [], ...given } = fulfilment;
    const order = this.orders.existingOrder(orderId);
    const sequence = this.#next();
    const id = given.id ?? String(2000 + sequence);
    if (this.#fulfilments.has(id)) throw new Error(`Fluent emulator: a fulfilment ${id} exists`);
    const time = this.#time();
    const added: FulfilmentRecord = {
      sequence,
      orderId,
      ref: `FUL-${id}`,
      type: `${order.type}_PFDC`,
      status: 'CREATED',
      deliveryType: 'STANDARD',
      eta: null,
      expiryTime: null,
      fromLocationRef: null,
      attributes: [],
      ...given,
      id,
      items: items.map((item, index) => {
        const ordered = order.items.find(({ ref }) => ref === item.ref);
        if (!ordered) throw new Error(`Fluent emulator: the order ${order.ref} has no item ${item.ref}`);
        const requestedQuantity = item.requestedQuantity ?? ordered.quantity;
        const rejectedQuantity = item.rejectedQuantity ?? 0;
        const filledQuantity = item.filledQuantity ?? requestedQuantity - rejectedQuantity;
        const { ref, status = 'ACTIVE' } = item;
        return { id: `${id}-${index + 1}`, ref, status, requestedQuantity, filledQuantity, rejectedQuantity };
      }),
      articles: articles.map((article) => this.#article(article)),
      createdOn: time,
      updatedOn: time,
    };
    this.#fulfilments.set(id, added);
    return added;
  }

  /** @throws Error when the fulfilment or one of its items does not exist. */
  update(id: string, { items, attributes, ...changes }: FulfilmentChanges): FulfilmentRecord {
    const fulfilment = this.#fulfilments.get(id);
    if (!fulfilment) throw new Error(`Fluent emulator: there is no fulfilment ${id}`);
    const unknown = items?.find((item) => !fulfilment.items.some((known) => known.id === item.id));
    if (unknown) throw new Error(`Fluent emulator: the fulfilment ${id} has no item ${unknown.id}`);
    const replaced = new Set(attributes?.map(({ name }) => name));
    return Object.assign(fulfilment, withValues(changes), {
      items: fulfilment.items.map((item) => ({
        ...item,
        ...withValues(items?.find((change) => change.id === item.id) ?? {}),
      })),
      attributes: [...fulfilment.attributes.filter(({ name }) => !replaced.has(name)), ...(attributes ?? [])],
      updatedOn: this.#time(),
    });
  }

  /** @throws Error when an article does not exist, or the id is taken. */
  addConsignment({ articleIds, ...consignment }: NewConsignment): ConsignmentRecord {
    const sequence = this.#next();
    const { id = String(4000 + sequence) } = consignment;
    if (this.#consignments.has(id)) throw new Error(`Fluent emulator: a consignment ${id} exists`);
    const articles = new Set(this.all.flatMap((fulfilment) => fulfilment.articles.map((each) => each.id)));
    const unknown = articleIds.find((articleId) => !articles.has(articleId));
    if (unknown !== undefined) throw new Error(`Fluent emulator: there is no article ${unknown}`);
    const time = this.#time();
    const added: ConsignmentRecord = {
      sequence,
      ref: `CON-${id}`,
      status: 'CREATED',
      trackingLabel: null,
      labelUrl: null,
      orderSummaryUrl: null,
      carrier: null,
      ...consignment,
      id,
      articleIds,
      createdOn: time,
      updatedOn: time,
    };
    this.#consignments.set(id, added);
    return added;
  }

  /** @throws Error when the consignment does not exist. */
  updateConsignment(id: string, changes: ConsignmentChanges): ConsignmentRecord {
    const consignment = this.#consignments.get(id);
    if (!consignment) throw new Error(`Fluent emulator: there is no consignment ${id}`);
    return Object.assign(consignment, withValues(changes), { updatedOn: this.#time() });
  }

  #article(article: Partial<ArticleRecord>): ArticleRecord {
    const sequence = this.#next();
    const { id = String(3000 + sequence) } = article;
    return {
      ref: `ART-${id}`,
      type: 'DEFAULT',
      status: 'CREATED',
      name: null,
      description: null,
      quantity: 1,
      height: 0,
      length: 0,
      weight: 0,
      width: 0,
      attributes: [],
      ...article,
      sequence,
      id,
    };
  }

  #next(): number {
    return (this.#sequence += 1);
  }

  #time(): string {
    return new Date(this.now()).toISOString();
  }
}

/** @returns the entries that have a value. */
function withValues<T extends object>(changes: T): Partial<T> {
  return Object.fromEntries(Object.entries(changes).filter(([, value]) => value != null)) as Partial<T>;
}
