import type { TypedDocumentNode } from '@apollo/client';

/** Options of one upstream call. */
export interface CommercetoolsRequestOptions {
  /** Ends the call early (shutdown, handler time-out). */
  signal?: AbortSignal;
  /** Sent as `X-Correlation-ID`; any text, made header-safe by the client. */
  correlationId?: string;
}

/**
 * Runs GraphQL documents against a commercetools project with one shared token. Every failure is a
 * `ConflictError` (a version conflict), `TransientError`, `PermanentError` or `ConfigurationError`.
 *
 * Replace it to reach commercetools another way. The default is {@link ApolloCommercetoolsClient}.
 */
export abstract class CommercetoolsClient {
  /** Runs a query. Never answered from a cache. */
  abstract query<TData, TVariables extends Record<string, unknown>>(
    projectKey: string,
    document: TypedDocumentNode<TData, TVariables>,
    variables: TVariables,
    options?: CommercetoolsRequestOptions,
  ): Promise<TData>;

  /**
   * Runs a mutation, once: what may have been written is for the caller to find out.
   *
   * @throws ConflictError when the mutation named another version than the present one.
   */
  abstract mutate<TData, TVariables extends Record<string, unknown>>(
    projectKey: string,
    document: TypedDocumentNode<TData, TVariables>,
    variables: TVariables,
    options?: CommercetoolsRequestOptions,
  ): Promise<TData>;
}
