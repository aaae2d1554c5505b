import { randomUUID } from 'node:crypto';
import { CommercetoolsApiError } from './commercetools-api-error.js';
import { type CommercetoolsState, type StoredOrder, concurrentModification } from './commercetools-state.js';
import {
  ORDER_SHAPE,
  plainOrder,
  representOrder,
  representStore,
  representType,
} from './order-representation.js';
import type { ProjectState, ResourceIdentifier } from './project-state.js';
import { type PredicateShape, queryPredicate } from './query-predicate.js';

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

interface UpdateArguments extends OrderIdentifier {
  version: number;
  actions: readonly Readonly<Record<string, unknown>>[];
}

interface SubscriptionArguments {
  draft: {
    key?: string | null;
    messages?: readonly { resourceTypeId: string; types?: readonly string[] | null }[] | null;
  };
}

/** The project that the resolvers answer for. */
export interface EmulatedProject {
  readonly key: string;
  readonly orders: CommercetoolsState;
  readonly resources: ProjectState;
  /** Hears which types of messages about orders a new subscription asks for. */
  readonly onSubscription: (orderMessageTypes: readonly string[]) => void;
  readonly now: () => number;
}

const DEFAULT_LIMIT = 20;
const MAX_LIMIT = 500;
const MAX_OFFSET = 10_000;
const KEYED_SHAPE: PredicateShape = { id: true, key: true };

/** The root of every operation: a function per root field of the schema. */
export function commercetoolsResolvers({
  key: projectKey,
  orders,
  resources,
  onSubscription,
  now,
}: EmulatedProject): object {
  const find = ({ id, orderNumber }: OrderIdentifier): StoredOrder | undefined => {
    if ((id == null) === (orderNumber == null)) {
      throw new CommercetoolsApiError('InvalidInput', 'exactly one of id and orderNumber must be given');
    }
    return id == null ? orders.orderByNumber(orderNumber ?? '') : orders.order(id);
  };
  const permit = ({ scopes }: RequestContext, ...sufficient: string[]): void => {
    const needed = [...sufficient, 'manage_project'].map((scope) => `${scope}:${projectKey}`);
    if (needed.some((scope) => scopes.has(scope))) return;
    throw new CommercetoolsApiError(
      'insufficient_scope',
      `one of these scopes is needed: ${needed.join(' ')}`,
    );
  };
  const represent = (order: StoredOrder): object => representOrder(order, resources);
  return {
    order: (identifier: OrderIdentifier, context: RequestContext) => {
      permit(context, 'view_orders', 'manage_orders');
      const order = find(identifier);
      return order ? represent(order) : null;
    },
    orders: ({ where, ...page }: ListArguments, context: RequestContext) => {
      permit(context, 'view_orders', 'manage_orders');
      const matches = queryPredicate(where, ORDER_SHAPE);
      return pageOf(
        orders.orders.filter((order) => matches(plainOrder(order, resources))),
        page,
        represent,
      );
    },
    store: (identifier: ResourceIdentifier, context: RequestContext) => {
      permit(context, 'view_stores', 'manage_stores');
      const store = resources.store(identifier);
      return store ? representStore(store) : null;
    },
    stores: ({ where, ...page }: ListArguments, context: RequestContext) => {
      permit(context, 'view_stores', 'manage_stores');
      return pageOf(resources.stores.filter(queryPredicate(where, KEYED_SHAPE)), page, representStore);
    },
    typeDefinition: (identifier: ResourceIdentifier, context: RequestContext) => {
      permit(context, 'view_types', 'manage_types');
      const type = resources.type(identifier);
      return type ? representType(type) : null;
    },
    typeDefinitions: ({ where, ...page }: ListArguments, context: RequestContext) => {
      permit(context, 'view_types', 'manage_types');
      return pageOf(resources.types.filter(queryPredicate(where, KEYED_SHAPE)), page, representType);
    },
    updateOrder: ({ version, actions, ...identifier }: UpdateArguments, context: RequestContext) => {
      permit(context, 'manage_orders');
      const order = find(identifier);
      if (!order) {
        const name = identifier.id ?? identifier.orderNumber;
        throw new CommercetoolsApiError('ResourceNotFound', `there is no order '${name}' in '${projectKey}'`);
      }
      if (context.forceConflict) throw concurrentModification(order, version);
      return represent(orders.update(order, version, actions, context.clientId));
    },
    createSubscription: ({ draft }: SubscriptionArguments, context: RequestContext) => {
      permit(context, 'manage_subscriptions');
      const messages = (draft.messages ?? []).map(({ resourceTypeId, types }) => ({
        resourceTypeId,
        types: types ?? [],
      }));
      onSubscription(
        messages.filter(({ resourceTypeId }) => resourceTypeId === 'order').flatMap(({ types }) => types),
      );
      const time = new Date(now()).toISOString();
      return {
        id: randomUUID(),
        version: 1,
        createdAt: time,
        lastModifiedAt: time,
        key: draft.key,
        messages,
      };
    },
  };
}

function pageOf<T>(
  matching: readonly T[],
  { limit, offset }: Omit<ListArguments, 'where'>,
  represent: (entry: T) => object,
): object {
  const start = within('offset', offset ?? 0, MAX_OFFSET);
  const results = matching.slice(start, start + within('limit', limit ?? DEFAULT_LIMIT, MAX_LIMIT));
  return {
    offset: start,
    count: results.length,
    total: matching.length,
    exists: matching.length > 0,
    results: results.map(represent),
  };
}

function within(name: string, value: number, max: number): number {
  if (value >= 0 && value <= max) return value;
  throw new CommercetoolsApiError('InvalidInput', `${name} must be between 0 and ${max}`);
}
