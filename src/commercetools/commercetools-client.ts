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
  abstract query<TData, TVariables extends Record<string, unknown>>(
    projectKey: string,
    document: TypedDocumentNode<TData, TVariables>,
    variables: TVariables,
    options?: CommercetoolsRequestOptions,
  ): Promise<TData>;

  abstract mutate<TData, TVariables extends Record<string, unknown>>(
    projectKey: string,
    document: TypedDocumentNode<TData, TVariables>,
    variables: TVariables,
    options?: CommercetoolsRequestOptions,
  ): Promise<TData>;
}
