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
  /** The order as Fluent sent it, with {@link FluentOrderOptions.fluentFields}; only when these were given. */
  readonly fields?: unknown;
}

/** An attribute of a Fluent entity; `value` has the type that `type` names. */
export interface FluentAttribute {
  readonly name: string;
  readonly type: string;
  readonly value: unknown;
}

/** A Fluent setting, its value already taken from `lobValue` or `value`, not yet parsed. */
export interface FluentSetting {
  readonly name: string;
  readonly context: string;
  readonly contextId: number;
  readonly value: unknown;
}

/**
 * Reads from Fluent's GraphQL API with one shared token per account. Every failure is a
 * `TransientError`, `PermanentError` or `ConfigurationError`.
 *
 * Replace it to reach Fluent another way (a gateway, a recorded set of orders). The default is
 * {@link ApolloFluentClient}.
 */
export abstract class FluentClient {
  /**
   * Says beforehand that a call would be for nothing, so that work whose other calls come first is not begun.
   * The default lets everything through; override it when your client has a circuit breaker.
   *
   * @throws CircuitOpenError when a call to the account would not be made now.
   */
  throwIfCircuitOpen(_accountId: string): void {}

  /** Runs a document of one's own against an account. */
  abstract query<TData, TVariables extends Record<string, unknown>>(
    accountId: string,
    document: TypedDocumentNode<TData, TVariables>,
    variables: TVariables,
    options?: FluentRequestOptions,
  ): Promise<TData>;

  /** @returns the order as Fluent has it now (never cached), or undefined when Fluent does not know the id. */
  abstract getOrder(
    scope: RetailerScope,
    orderId: string,
    options?: FluentOrderOptions,
  ): Promise<FluentOrder | undefined>;

  /** Orders of the whole account whose `updatedOn` is `since` or later, page by page, each once. */
  abstract ordersUpdatedSince(
    accountId: string,
    since: Date,
    options?: FluentRequestOptions,
  ): AsyncIterable<FluentOrder>;

  /** Every setting with one of these names, in the contexts that apply to the retailer; all pages. */
  abstract getSettings(
    scope: RetailerScope,
    names: readonly string[],
    options?: FluentRequestOptions,
  ): Promise<readonly FluentSetting[]>;
}
