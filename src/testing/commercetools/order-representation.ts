import type { StoredOrder } from './commercetools-state.js';
import type { CustomFieldsRecord, LineItemRecord, MoneyRecord } from './order-record.js';
import type { CommercetoolsStoreRecord, CommercetoolsTypeRecord, ProjectState } from './project-state.js';
import type { PredicateShape } from './query-predicate.js';

interface FieldSelection {
  includeNames?: readonly string[] | null;
  excludeNames?: readonly string[] | null;
}

interface LocaleArgument {
  locale?: string | null;
}

type Localized = Readonly<Record<string, string>>;

/** An order as GraphQL shows it. Values of extensions come first: they cannot change what the emulator knows. */
export function representOrder(order: StoredOrder, project: ProjectState): object {
  const { shippingInfo, store } = order;
  const custom = (fields: CustomFieldsRecord | null): object | null => representCustom(fields, project);
  const storeRecord = store === null ? undefined : project.store({ key: store });
  return {
    ...order.fields,
    id: order.id,
    version: order.version,
    createdAt: order.createdAt,
    lastModifiedAt: order.lastModifiedAt,
    lastModifiedBy: { isPlatformClient: false, clientId: order.lastModifiedBy },
    orderNumber: order.orderNumber,
    customerEmail: order.customerEmail,
    orderState: order.orderState,
    paymentState: order.paymentState,
    shipmentState: order.shipmentState,
    totalPrice: money(totalOf(order)),
    storeRef: store === null ? null : { typeId: 'store', key: store },
    store: storeRecord ? representStore(storeRecord) : null,
    custom: custom(order.custom),
    lineItems: ({ id }: { id?: string | null }) =>
      order.lineItems.filter((item) => id == null || item.id === id).map((item) => lineItem(item, custom)),
    shippingInfo: shippingInfo && {
      ...shippingInfo,
      price: money({ currencyCode: totalOf(order).currencyCode, centAmount: 0 }),
      deliveries: shippingInfo.deliveries.map((delivery) => ({
        ...delivery,
        custom: custom(delivery.custom),
        parcels: delivery.parcels.map((parcel) => ({ ...parcel, custom: custom(parcel.custom) })),
      })),
    },
  };
}

/** A store as GraphQL shows it. */
export function representStore(store: CommercetoolsStoreRecord): object {
  return {
    ...store,
    ...localizedName(store.name),
    countries: store.countries.map((code) => ({ code })),
    custom: null,
  };
}

/** A type of custom fields as GraphQL shows it. */
export function representType(type: CommercetoolsTypeRecord): object {
  return {
    ...type,
    ...localizedName(type.name),
    fieldDefinitions: (selection: FieldSelection) =>
      selected(type.fields, selection).map(([name, fieldType]) => ({
        name,
        required: false,
        type: { __typename: `${fieldType}Type`, name: fieldType },
      })),
  };
}

/** What a query predicate may ask of an order. */
export const ORDER_SHAPE: PredicateShape = {
  id: true,
  version: true,
  orderNumber: true,
  customerEmail: true,
  orderState: true,
  paymentState: true,
  shipmentState: true,
  createdAt: true,
  lastModifiedAt: true,
  custom: { type: { id: true, key: true }, fields: 'any' },
  store: { key: true },
  lineItems: { id: true, key: true, productId: true, quantity: true, variant: { sku: true } },
};

/** An order as a query predicate, or the message about its creation, sees it. */
export function plainOrder(order: StoredOrder, project: ProjectState): Readonly<Record<string, unknown>> {
  const { history: _history, fields, store, custom, lineItems, ...rest } = order;
  return {
    ...fields,
    ...rest,
    totalPrice: money(totalOf(order)),
    store: store === null ? undefined : { typeId: 'store', key: store },
    custom: custom ? { type: typeReference(custom, project), fields: custom.fields } : undefined,
    lineItems: lineItems.map(({ sku, price, ...item }) => ({
      ...item,
      variant: { id: 1, sku },
      price: { value: money(price) },
      totalPrice: money(times(price, item.quantity)),
    })),
  };
}

function representCustom(custom: CustomFieldsRecord | null, project: ProjectState): object | null {
  if (!custom) return null;
  const reference = typeReference(custom, project);
  const known = project.type({ key: custom.type });
  return {
    typeRef: { typeId: 'type', id: reference.id },
    type: known ? representType(known) : null,
    customFieldsRaw: (selection: FieldSelection) =>
      selected(custom.fields, selection).map(([name, value]) => ({ name, value })),
  };
}

function typeReference({ type }: CustomFieldsRecord, project: ProjectState): { id: string; key: string } {
  return { id: project.type({ key: type })?.id ?? type, key: type };
}

function selected<T>(
  fields: Readonly<Record<string, T>>,
  { includeNames, excludeNames }: FieldSelection,
): [string, T][] {
  return Object.entries(fields).filter(
    ([name]) => (includeNames?.includes(name) ?? true) && !excludeNames?.includes(name),
  );
}

function lineItem(
  item: LineItemRecord,
  custom: (fields: CustomFieldsRecord | null) => object | null,
): object {
  const { price, sku, name, ...rest } = item;
  return {
    ...rest,
    ...localizedName(name),
    variant: { id: 1, key: null, sku },
    price: { id: null, value: money(price), country: null },
    totalPrice: money(times(price, item.quantity)),
    custom: custom(item.custom),
  };
}

function localizedName(name: Localized): object {
  return {
    name: ({ locale }: LocaleArgument) => (locale == null ? Object.values(name)[0] : name[locale]) ?? null,
    nameAllLocales: Object.entries(name).map(([locale, value]) => ({ locale, value })),
  };
}

/** The sum of the line items: the emulator knows neither taxes nor shipping. */
function totalOf({ lineItems }: StoredOrder): MoneyRecord {
  const centAmount = lineItems.reduce((sum, { price, quantity }) => sum + price.centAmount * quantity, 0);
  return { currencyCode: lineItems[0]?.price.currencyCode ?? 'EUR', centAmount };
}

function times({ currencyCode, centAmount }: MoneyRecord, quantity: number): MoneyRecord {
  return { currencyCode, centAmount: centAmount * quantity };
}

function money(amount: MoneyRecord): object {
  return { __typename: 'Money', type: 'centPrecision', fractionDigits: 2, ...amount };
}
