import type { FluentState } from './fluent-state.js';
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

/** Who the token belongs to. */
export interface FluentUser {
  readonly username: string;
  readonly retailerId: string;
}

/** The root of every query: a function per root field of the schema. */
export function fluentResolvers(state: FluentState, user: FluentUser): object {
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
  };
}

function isAmong<T>(wanted: readonly T[] | null | undefined, value: T): boolean {
  return wanted == null || wanted.includes(value);
}

function isWithin(range: DateRange | null | undefined, at: number): boolean {
  return at >= (range?.from ?? Number.NEGATIVE_INFINITY) && at <= (range?.to ?? Number.POSITIVE_INFINITY);
}
