import type { TypedDocumentNode } from '@apollo/client';

/** Options of one upstream call. */
export interface CommercetoolsRequestOptions {
  /** Ends the call early (shutdown, handler time-out). */
  signal?: AbortSignal;
  /** Sent as `X-Correlation-ID`; any text, made header-safe by the client. */
  correlationId?: string;
  /**
   * Whether a mutation may share its request with others of the same document (`OPERATION_BATCH_WRITES`). Set it only for
   * mutations that are safe to repeat, such as `updateOrder` with a version. Queries share requests without it.
   */
  shareRequest?: boolean;
}

/**
 * Runs GraphQL documents against a commercetools project.
 *
 * Replace it to reach commercetools another way, e.g. through a gateway with other credentials. The default is
 * {@link ApolloCommercetoolsClient}, configured by the `CTP_*` variables or the projects of `CONNECTOR_CONFIG`.
 * Override it in `ConnectorModule.register({ overrides })`.
 *
 * An override must throw a {@link ConflictError} for a version conflict, and otherwise a {@link TransientError},
 * {@link PermanentError} or {@link ConfigurationError}: the connector decides about retries by these classes. It must
 * honour `options.signal`, and must not cache.
 *
 * @example
 * @Injectable()
 * class LoggedClient extends CommercetoolsClient {
 *   constructor(
 *     private readonly inner: ApolloCommercetoolsClient,
 *     private readonly logger: PinoLogger,
 *   ) {
 *     super();
 *   }
 *
 *   override query: CommercetoolsClient['query'] = (...call) => this.inner.query(...call);
 *   override mutate: CommercetoolsClient['mutate'] = (projectKey, ...call) => {
 *     this.logger.info({ projectKey }, 'writing to commercetools');
 *     return this.inner.mutate(projectKey, ...call);
 *   };
 * }
 *
 * ConnectorModule.register({ overrides: [{ provide: CommercetoolsClient, useClass: LoggedClient }] });
 */
export abstract class CommercetoolsClient {
  /** Runs a query. The answer never comes from a cache. */
  abstract query<TData, TVariables extends Record<string, unknown>>(
    projectKey: string,
    document: TypedDocumentNode<TData, TVariables>,
    variables: TVariables,
    options?: CommercetoolsRequestOptions,
  ): Promise<TData>;

  /**
   * Runs a mutation once. After an error the caller has to find out whether it was applied.
   *
   * @throws ConflictError when the mutation names an old version.
   */
  abstract mutate<TData, TVariables extends Record<string, unknown>>(
    projectKey: string,
    document: TypedDocumentNode<TData, TVariables>,
    variables: TVariables,
    options?: CommercetoolsRequestOptions,
  ): Promise<TData>;
}
