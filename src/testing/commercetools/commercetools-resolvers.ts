import { CommercetoolsApiError } from './commercetools-api-error.js';
import { type CommercetoolsState, type StoredOrder, concurrentModification } from './commercetools-state.js';
import type { CustomFieldsRecord } from './order-record.js';
import { orderPredicate } from './order-predicate.js';

/** What one request may do, and whether its writes must conflict. */
export interface RequestContext {
  /** The scopes of the token. */
  readonly scopes: ReadonlySet<string>;
  /** The API client of the token. */
  readonly clientId: string;
  readonly forceConflict: boolean;
}

interface OrderIdentifier {
  id?: string | null;
  orderNumber?: string | null;
}

interface ListArguments {
  where?: string | null;
  limit?: number | null;
  offset?: number | null;
}

const DEFAULT_LIMIT = 20;
const MAX_LIMIT = 500;
const MAX_OFFSET = 10_000;

/** The root of every operation: a function per root field of the schema. */
export function commercetoolsResolvers(state: CommercetoolsState, projectKey: string): object {
  const find = ({ id, orderNumber }: OrderIdentifier): StoredOrder | undefined => {
    if ((id == null) === (orderNumber == null)) {
      throw new CommercetoolsApiError('InvalidInput', 'exactly one of id and orderNumber must be given');
    }
    return id == null ? state.orderByNumber(orderNumber ?? '') : state.order(id);
  };
  const permit = ({ scopes }: RequestContext, ...sufficient: string[]): void => {
    const needed = [...sufficient, 'manage_project'].map((scope) => `${scope}:${projectKey}`);
    if (needed.some((scope) => scopes.has(scope))) return;
    throw new CommercetoolsApiError(
      'insufficient_scope',
      `one of these scopes is needed: ${needed.join(' ')}`,
    );
  };
  return {
    order: (identifier: OrderIdentifier, context: RequestContext) => {
      permit(context, 'view_orders', 'manage_orders');
      const order = find(identifier);
      return order ? represent(order) : null;
    },
    orders: ({ where, limit, offset }: ListArguments, context: RequestContext) => {
      permit(context, 'view_orders', 'manage_orders');
      const start = within('offset', offset ?? 0, MAX_OFFSET);
      const matching = state.orders.filter(orderPredicate(where));
      const results = matching.slice(start, start + within('limit', limit ?? DEFAULT_LIMIT, MAX_LIMIT));
      return {
        offset: start,
        count: results.length,
        total: matching.length,
        exists: matching.length > 0,
        results: results.map(represent),
      };
    },
    updateOrder: ({ version, actions, ...identifier }: UpdateArguments, context: RequestContext) => {
      permit(context, 'manage_orders');
      const order = find(identifier);
      if (!order) {
        const name = identifier.id ?? identifier.orderNumber;
        throw new CommercetoolsApiError('ResourceNotFound', `there is no order '${name}' in '${projectKey}'`);
      }
      if (context.forceConflict) throw concurrentModification(order, version);
      return represent(state.update(order, version, actions, context.clientId));
    },
  };
}

interface UpdateArguments extends OrderIdentifier {
  version: number;
  actions: readonly Readonly<Record<string, unknown>>[];
}

function represent(order: StoredOrder): object {
  const { shippingInfo } = order;
  const price = { type: 'centPrecision', currencyCode: 'EUR', centAmount: 0, fractionDigits: 2 };
  return {
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
    totalPrice: price,
    custom: representCustom(order.custom),
    shippingInfo: shippingInfo && {
      ...shippingInfo,
      price,
      deliveries: shippingInfo.deliveries.map((delivery) => ({
        ...delivery,
        custom: representCustom(delivery.custom),
        parcels: delivery.parcels.map((parcel) => ({ ...parcel, custom: representCustom(parcel.custom) })),
      })),
    },
  };
}

function representCustom(custom: CustomFieldsRecord | null): object | null {
  if (!custom) return null;
  return {
    typeRef: { typeId: 'type', id: custom.type },
    customFieldsRaw: ({ includeNames, excludeNames }: FieldSelection) =>
      Object.entries(custom.fields)
        .filter(([name]) => (includeNames?.includes(name) ?? true) && !excludeNames?.includes(name))
        .map(([name, value]) => ({ name, value })),
  };
}

interface FieldSelection {
  includeNames?: readonly string[] | null;
  excludeNames?: readonly string[] | null;
}

function within(name: string, value: number, max: number): number {
  if (value >= 0 && value <= max) return value;
  throw new CommercetoolsApiError('InvalidInput', `${name} must be between 0 and ${max}`);
}
