import type { TypedDocumentNode } from '@apollo/client';
import type { RetailerScope } from '../config/index.js';
import type { OrderFields } from '../graphql/index.js';

/** Options of one upstream call. */
export interface FluentRequestOptions {
  /** Ends the call early (shutdown, handler time-out). */
  signal?: AbortSignal;
}

/** Options of {@link FluentClient.getOrder}. */
export interface FluentOrderOptions extends FluentRequestOptions {
  /** More fields to read with the order; see {@link FluentOrder.fields}. */
  readonly fluentFields?: OrderFields;
}

/** Options of {@link FluentClient.ordersUpdatedSince}. */
export interface UpdatedOrdersOptions extends FluentRequestOptions {
  /** Only orders whose `updatedOn` is not later. By default a day ahead of now. */
  readonly until?: Date;
  /** Called for each page that was read, for the progress of a backfill. */
  readonly onPage?: () => void;
}

/**
 * An order in the list of updated orders. Without `status`, reconciliation cannot tell whether the update was synced
 * already, and syncs it once more.
 */
export type UpdatedFluentOrder = Pick<FluentOrder, 'id' | 'ref' | 'retailerId' | 'updatedOn'> &
  Partial<Pick<FluentOrder, 'status'>>;

/** A Fluent order as far as the connector reads it. */
export interface FluentOrder {
  readonly id: string;
  readonly ref: string;
  readonly type: string;
  /** Free text, decided by the retailer's workflow. */
  readonly status: string;
  readonly retailerId: string;
  /** ISO 8601 with offset, as Fluent sends it; only of {@link FluentClient.getOrder}. */
  readonly createdOn?: string;
  /** ISO 8601 with offset, as Fluent sends it. */
  readonly updatedOn?: string;
  readonly attributes: readonly FluentAttribute[];
  /** The order as Fluent sent it. Present only with {@link FluentOrderOptions.fluentFields}. */
  readonly fields?: unknown;
}

/** An attribute of a Fluent entity; `value` has the type that `type` names. */
export interface FluentAttribute {
  readonly name: string;
  readonly type: string;
  readonly value: unknown;
}

/** A Fluent setting. Its value comes from `lobValue` or `value` and is not parsed. */
export interface FluentSetting {
  readonly name: string;
  readonly context: string;
  readonly contextId: number;
  readonly value: unknown;
}

/**
 * Reads orders and settings from Fluent.
 *
 * Replace it to reach Fluent another way, e.g. through a gateway, or to read a recorded set of orders. The default is
 * {@link ApolloFluentClient}, configured by the `FLUENT_*` variables or the accounts of `CONNECTOR_CONFIG`. Override it
 * in `ConnectorModule.register({ overrides })`.
 *
 * An override must throw a {@link TransientError}, {@link PermanentError} or {@link ConfigurationError}: the connector
 * decides about retries by these classes. It must honour `options.signal`. `getOrder` must not read a cache, because
 * a stale status would be written over a newer one.
 *
 * @example
 * class GatewayFluentClient extends ApolloFluentClient {
 *   override async getOrder(scope: RetailerScope, orderId: string, options?: FluentOrderOptions) {
 *     const order = await super.getOrder(scope, orderId, options);
 *     return order && { ...order, status: order.status.toUpperCase() };
 *   }
 * }
 *
 * ConnectorModule.register({ overrides: [{ provide: FluentClient, useClass: GatewayFluentClient }] });
 */
export abstract class FluentClient {
  /**
   * Lets work fail early that calls Fluent last. The default does nothing. Override it if your client has a circuit breaker.
   *
   * @throws CircuitOpenError when the circuit would reject a call to the account now.
   */
  throwIfCircuitOpen(_accountId: string): void {}

  /** Runs any document against an account. */
  abstract query<TData, TVariables extends Record<string, unknown>>(
    accountId: string,
    document: TypedDocumentNode<TData, TVariables>,
    variables: TVariables,
    options?: FluentRequestOptions,
  ): Promise<TData>;

  /** @returns the current order, never from a cache, or undefined when Fluent does not have it. */
  abstract getOrder(
    scope: RetailerScope,
    orderId: string,
    options?: FluentOrderOptions,
  ): Promise<FluentOrder | undefined>;

  /** @returns the orders of the whole account whose `updatedOn` is `since` or later, each once, read page by page. */
  abstract ordersUpdatedSince(
    accountId: string,
    since: Date,
    options?: UpdatedOrdersOptions,
  ): AsyncIterable<UpdatedFluentOrder>;

  /** @returns every setting with one of these names, from all contexts that apply to the retailer. */
  abstract getSettings(
    scope: RetailerScope,
    names: readonly string[],
    options?: FluentRequestOptions,
  ): Promise<readonly FluentSetting[]>;
}
