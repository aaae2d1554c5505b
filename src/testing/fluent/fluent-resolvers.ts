import { FluentApiError } from './fluent-api-error.js';
import type { FluentOrderItemRecord, FluentState, NewFluentSetting, OrderChanges } from './fluent-state.js';
import { type PageArguments, paginate } from './paging.js';

interface DateRange {
  /** Milliseconds since 1970. */
  from?: number | null;
  to?: number | null;
}

interface OrdersArguments extends PageArguments {
  ref?: readonly (string | null)[] | null;
  type?: readonly string[] | null;
  status?: readonly (string | null)[] | null;
  createdOn?: DateRange | null;
  updatedOn?: DateRange | null;
}

interface SettingsArguments extends PageArguments {
  name?: readonly (string | null)[] | null;
  valueType?: readonly (string | null)[] | null;
  value?: readonly (string | null)[] | null;
  context?: readonly string[] | null;
  contextId?: readonly number[] | null;
}

type StoredOrder = FluentState['orders'][number];

interface CreateOrderInput extends OrderChanges {
  readonly ref: string;
  readonly type: string;
  readonly retailer: { readonly id: string };
  readonly items: readonly (FluentOrderItemRecord | null)[];
}

interface SettingInput extends Omit<NewFluentSetting, 'value'> {
  readonly value?: string | null;
  readonly valueType: string;
  readonly context: string;
  readonly contextId: number;
}

/** The status of an order that `createOrder` has stored and no workflow has seen. */
export const CREATED = 'CREATED';

/** Who the token belongs to. */
export interface FluentUser {
  readonly username: string;
  readonly retailerId: string;
}

/**
 * The root of every query: a function per root field of the schema.
 *
 * @param onOrderCreated hears of an order right after `createOrder` has stored it
 */
export function fluentResolvers(
  state: FluentState,
  user: FluentUser,
  onOrderCreated: (orderId: string) => void,
): object {
  const retailer = (id: string): object => ({
    id,
    ref: `RETAILER_${id}`,
    status: 'ACTIVE',
    tradingName: `Retailer ${id}`,
  });
  const order = (stored: StoredOrder | undefined): object | null =>
    stored
      ? {
          id: stored.id,
          ref: stored.ref,
          type: stored.type,
          status: stored.status,
          workflowRef: `ORDER::${stored.type}`,
          workflowVersion: 1,
          createdOn: stored.createdOn,
          updatedOn: stored.updatedOn,
          attributes: stored.attributes,
          retailer: retailer(stored.retailerId),
          totalPrice: stored.totalPrice,
          totalTaxPrice: stored.totalTaxPrice,
          items: (args: PageArguments) => paginate(itemsOf(stored), args),
        }
      : null;
  return {
    me: () => ({
      id: '1',
      ref: user.username,
      username: user.username,
      type: 'ADMIN',
      status: 'ACTIVE',
      primaryRetailer: retailer(user.retailerId),
    }),
    retailerById: ({ id }: { id: string }) =>
      id === user.retailerId || state.orders.some(({ retailerId }) => retailerId === id)
        ? retailer(id)
        : null,
    orderById: ({ id }: { id: string }) => order(state.order(id)),
    order: ({ id, ref }: { id?: string | null; ref?: string | null }) => {
      const found = id == null ? state.orderByRef(ref ?? '') : state.order(id);
      return order(ref == null || found?.ref === ref ? found : undefined);
    },
    orders: (args: OrdersArguments) => {
      const matching = state.orders.filter(
        (candidate) =>
          isAmong(args.ref, candidate.ref) &&
          isAmong(args.type, candidate.type) &&
          isAmong(args.status, candidate.status) &&
          isWithin(args.createdOn, candidate.createdAt) &&
          isWithin(args.updatedOn, candidate.updatedAt),
      );
      const { edges, pageInfo } = paginate(matching, args);
      return { edges: edges.map(({ node, cursor }) => ({ node: order(node), cursor })), pageInfo };
    },
    setting: ({ id }: { id?: string | null }) => state.settings.find((setting) => setting.id === id) ?? null,
    settings: (args: SettingsArguments) => {
      const matching = state.settings.filter(
        (candidate) =>
          isAmong(args.name, candidate.name) &&
          isAmong(args.valueType, candidate.valueType) &&
          isAmong(args.value, candidate.value) &&
          isAmong(args.context, candidate.context) &&
          isAmong(args.contextId, candidate.contextId),
      );
      return paginate(matching, args);
    },
    createOrder: ({ input }: { input?: CreateOrderInput | null }) => {
      if (!input) return null;
      const { ref, type, attributes, items, totalPrice, totalTaxPrice } = input;
      if (state.orderByRef(ref)) throw new FluentApiError('C0120E', `an order with the ref ${ref} exists`);
      const { id } = state.addOrder({
        ref,
        type,
        status: CREATED,
        retailerId: input.retailer.id,
        attributes: attributes ?? [],
        items: items.filter((item) => item !== null),
        totalPrice,
        totalTaxPrice,
      });
      onOrderCreated(id);
      return order(state.order(id));
    },
    updateOrder: ({ input }: { input?: (OrderChanges & { readonly id: string }) | null }) => {
      if (!input) return null;
      if (!state.order(input.id)) throw new FluentApiError('C0014E', `there is no order ${input.id}`);
      return order(state.updateOrder(input.id, input));
    },
    createSetting: ({ input }: { input?: SettingInput | null }) => {
      if (!input) return null;
      const { name, context, contextId } = input;
      const isTaken = state.settings.some(
        (other) => other.name === name && other.context === context && other.contextId === contextId,
      );
      if (isTaken) throw new FluentApiError('C0120E', `the setting ${name} exists in that context`);
      return state.setSetting({ ...input, value: input.value ?? undefined });
    },
    updateSetting: ({ input }: { input?: (Partial<SettingInput> & { readonly id: string }) | null }) => {
      if (!input) return null;
      const stored = state.settings.find(({ id }) => id === input.id);
      if (!stored) throw new FluentApiError('C0014E', `there is no setting ${input.id}`);
      return state.updateSetting(stored, input);
    },
  };
}

function itemsOf({ id, items, createdOn, updatedOn }: StoredOrder) {
  return items.map((item, index) => ({
    ...item,
    sequence: index + 1,
    id: `${id}-${index + 1}`,
    status: 'ACTIVE',
    createdOn,
    updatedOn,
  }));
}

function isAmong<T>(wanted: readonly T[] | null | undefined, value: T): boolean {
  return wanted == null || wanted.includes(value);
}

function isWithin(range: DateRange | null | undefined, at: number): boolean {
  return at >= (range?.from ?? Number.NEGATIVE_INFINITY) && at <= (range?.to ?? Number.POSITIVE_INFINITY);
}
