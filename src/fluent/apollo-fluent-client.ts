import type { OperationVariables, TypedDocumentNode } from '@apollo/client';
import { setTimeout as delay } from 'node:timers/promises';
import { Injectable } from '@nestjs/common';
import type { RetailerScope } from '../config/index.js';
import {
  ORDERS_UPDATED_SINCE,
  ORDER_BY_ID,
  type OrderNode,
  SETTINGS,
  type SettingNode,
} from './documents.js';
import {
  type FluentAttribute,
  FluentClient,
  type FluentOrder,
  type FluentOrderOptions,
  type FluentRequestOptions,
  type FluentSetting,
  type UpdatedFluentOrder,
  type UpdatedOrdersOptions,
} from './fluent-client.js';
import { withOrderFields } from '../graphql/index.js';
import { promiseOf } from '../call-override.js';
import { CircuitOpenError, TransientError } from '../errors.js';
import { FluentEndpoints } from './fluent-endpoints.js';
import { pages } from './pages.js';

/** The largest GraphQL Int, which is the type of a setting's context id. */
const MAX_INT = 2 ** 31 - 1;

const DAY_MS = 86_400_000;
/** Without retries, one failed page would waste all pages before it. */
const PAGE_ATTEMPTS = 3;
const FIRST_PAGE_PAUSE_MS = 200;

/** Reads from Fluent with Apollo Client, without a cache. */
@Injectable()
export class ApolloFluentClient extends FluentClient {
  constructor(private readonly endpoints: FluentEndpoints) {
    super();
  }

  override throwIfCircuitOpen(accountId: string): void {
    this.endpoints.graphql(accountId).throwIfCircuitOpen();
  }

  query<TData, TVariables extends OperationVariables>(
    accountId: string,
    document: TypedDocumentNode<TData, TVariables>,
    variables: TVariables,
    options: FluentRequestOptions = {},
  ): Promise<TData> {
    return promiseOf(() => this.endpoints.graphql(accountId).execute(document, variables, options));
  }

  async getOrder(
    scope: RetailerScope,
    orderId: string,
    { fluentFields, ...options }: FluentOrderOptions = {},
  ): Promise<FluentOrder | undefined> {
    const query = withOrderFields(ORDER_BY_ID, fluentFields);
    const { orderById } = await this.query(scope.account.id, query, { id: orderId }, options);
    if (!orderById) return undefined;
    return fluentFields ? { ...toOrder(orderById), fields: orderById } : toOrder(orderById);
  }

  async *ordersUpdatedSince(
    accountId: string,
    since: Date,
    { until = new Date(Date.now() + DAY_MS), onPage, ...options }: UpdatedOrdersOptions = {},
  ): AsyncGenerator<UpdatedFluentOrder> {
    // An order that is updated while the pages are read moves to a later page, and would be returned twice.
    const seen = new Set<string>();
    const range = { since: since.toISOString(), until: until.toISOString() };
    const orders = pages((page) =>
      withRetries(async () => {
        const variables = { ...page, ...range };
        // One subject, because a query that fails for every time range is one failure, not failures of several orders.
        const call = { ...options, subject: 'orders' };
        const { orders: read } = await this.endpoints
          .graphql(accountId)
          .execute(ORDERS_UPDATED_SINCE, variables, call);
        onPage?.();
        return read;
      }, options.signal),
    );
    for await (const { id, ref, status, retailer, updatedOn } of orders) {
      if (seen.has(id)) continue;
      seen.add(id);
      yield {
        id,
        ref: ref ?? '',
        retailerId: retailer?.id ?? '',
        ...(status !== null && { status }),
        ...(updatedOn !== null && { updatedOn }),
      };
    }
  }

  async getSettings(
    { account, retailerId }: RetailerScope,
    names: readonly string[],
    options?: FluentRequestOptions,
  ): Promise<readonly FluentSetting[]> {
    const contexts = contextsOf(retailerId);
    const settings = pages(async (page) => {
      const variables = {
        ...page,
        names,
        contexts: contexts.map(({ context }) => context),
        contextIds: [...new Set(contexts.map(({ contextId }) => contextId))],
      };
      return (await this.query(account.id, SETTINGS, variables, options)).settings;
    });
    const found: FluentSetting[] = [];
    for await (const setting of settings) {
      const { name, context, contextId } = setting;
      // Fluent filters context and contextId separately, so the answer contains unwanted pairs.
      const applies = contexts.some((pair) => pair.context === context && pair.contextId === contextId);
      if (name !== null && applies) found.push({ name, context, contextId, value: valueOf(setting) });
    }
    return found;
  }
}

/** Retries a page after a transient failure, unless the circuit is open: then a retry would not help soon. */
async function withRetries<T>(read: () => Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await read();
    } catch (error) {
      const isPassing = error instanceof TransientError && !(error instanceof CircuitOpenError);
      if (!isPassing || attempt === PAGE_ATTEMPTS || signal?.aborted) throw error;
    }
    await delay(Math.random() * FIRST_PAGE_PAUSE_MS * 2 ** attempt, undefined, { signal });
  }
}

/** The contexts that apply to a retailer. */
function contextsOf(retailerId: string): { context: string; contextId: number }[] {
  const shared = [
    { context: 'ACCOUNT', contextId: 0 },
    { context: 'GLOBAL', contextId: 0 },
  ];
  const contextId = /^\d+$/.test(retailerId) ? Number(retailerId) : Number.NaN;
  return contextId <= MAX_INT ? [{ context: 'RETAILER', contextId }, ...shared] : shared;
}

function valueOf({ valueType, lobValue, value }: SettingNode): unknown {
  return valueType === 'JSON' || valueType === 'LOB' ? (lobValue ?? value) : (value ?? lobValue);
}

function toOrder(node: OrderNode): FluentOrder {
  return {
    id: node.id,
    ref: node.ref ?? '',
    type: node.type,
    status: node.status ?? '',
    retailerId: node.retailer?.id ?? '',
    ...(node.createdOn != null && { createdOn: node.createdOn }),
    ...(node.updatedOn !== null && { updatedOn: node.updatedOn }),
    attributes: (node.attributes ?? []).filter(
      (attribute): attribute is FluentAttribute => attribute !== null,
    ),
  };
}
