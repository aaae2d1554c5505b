import { setMaxListeners } from 'node:events';
import { ApolloClient, InMemoryCache, type OperationVariables, type TypedDocumentNode } from '@apollo/client';
import { NotImplementedHandler } from '@apollo/client/incremental';
import type { ApolloLink } from '@apollo/client/link';
import { BaseHttpLink } from '@apollo/client/link/http';
import { Injectable } from '@nestjs/common';
import { type DocumentNode, Kind, OperationTypeNode } from 'graphql';
import { type ConnectorError, TransientError } from '../errors.js';
import { CallMetrics, outcomeOf } from './call-metrics.js';
import { CircuitBreakers } from './circuit-breakers.js';
import { OAuthToken, type TokenRequest } from './oauth-token.js';
import {
  type UpstreamFailure,
  type UpstreamSubject,
  isUnauthorized,
  readFailure,
} from './upstream-failure.js';
import { UpstreamHttp } from './upstream-http.js';

/** Everything that makes one account or project a GraphQL endpoint. */
export interface GraphqlEndpointOptions {
  /** Name of its circuit breaker and its metrics, e.g. `fluent:ACME`. */
  readonly target: string;
  readonly subject: UpstreamSubject;
  readonly url: string;
  readonly token: TokenRequest;
  /** Pure: what a failed call means. */
  readonly classify: (
    failure: UpstreamFailure,
    subject: UpstreamSubject,
    operation: string,
  ) => ConnectorError;
}

/** Options of one call. */
export interface GraphqlCallOptions {
  readonly headers?: Readonly<Record<string, string>>;
  /** Ends the call early; the call then throws the signal's reason. */
  readonly signal?: AbortSignal;
}

/** Opens GraphQL endpoints that share connections, circuit breakers and metrics. */
@Injectable()
export class GraphqlEndpoints {
  constructor(
    private readonly http: UpstreamHttp,
    private readonly breakers: CircuitBreakers,
    private readonly metrics: CallMetrics,
  ) {}

  open(options: GraphqlEndpointOptions): GraphqlEndpoint {
    this.breakers.register(options.target);
    return new GraphqlEndpoint(options, this.http, this.breakers, this.metrics);
  }
}

type Answer<TData> = { data: TData } | { failure: UpstreamFailure; error: ConnectorError };

/** One account or project: circuit breaker, then token, then Apollo Client; failures come out classified. */
export class GraphqlEndpoint {
  private readonly client: ApolloClient;
  private readonly token: OAuthToken;

  constructor(
    private readonly options: GraphqlEndpointOptions,
    http: UpstreamHttp,
    private readonly breakers: CircuitBreakers,
    private readonly metrics: CallMetrics,
  ) {
    this.client = uncachedClient(options.url, http);
    this.token = new OAuthToken(options.target, options.subject, options.token, http, metrics);
  }

  /**
   * Runs a query or a mutation. A refused token is replaced, and the call repeated, once.
   *
   * @throws CircuitOpenError without a call, what `classify` makes of a failure, or the signal's reason
   */
  async execute<TData, TVariables extends OperationVariables>(
    document: TypedDocumentNode<TData, TVariables>,
    variables: TVariables,
    options: GraphqlCallOptions = {},
  ): Promise<TData> {
    options.signal?.throwIfAborted();
    // One signal may end all running work, which is more than the ten listeners at which Node suspects a leak.
    if (options.signal) setMaxListeners(0, options.signal);
    return this.breakers.execute(
      this.options.target,
      () => this.authorized(document, variables, options),
      options.signal,
    );
  }

  private async authorized<TData, TVariables extends OperationVariables>(
    document: TypedDocumentNode<TData, TVariables>,
    variables: TVariables,
    options: GraphqlCallOptions,
  ): Promise<TData> {
    const token = await this.token.get(options.signal);
    let answer = await this.send(document, variables, options, token);
    if ('failure' in answer && isUnauthorized(answer.failure)) {
      this.token.drop(token);
      answer = await this.send(document, variables, options, await this.token.get(options.signal));
    }
    if ('failure' in answer) throw answer.error;
    return answer.data;
  }

  private async send<TData, TVariables extends OperationVariables>(
    document: TypedDocumentNode<TData, TVariables>,
    variables: TVariables,
    { headers, signal }: GraphqlCallOptions,
    token: string,
  ): Promise<Answer<TData>> {
    const { target, subject, classify } = this.options;
    const { name, isMutation } = operationOf(document);
    const context = {
      headers: { ...headers, authorization: `Bearer ${token}` },
      ...(signal && { fetchOptions: { signal } }),
    };
    const startedAt = performance.now();
    try {
      const { data } = isMutation
        ? await this.client.mutate({ mutation: document, variables, context, fetchPolicy: 'no-cache' })
        : await this.client.query({ query: document, variables, context, fetchPolicy: 'no-cache' });
      if (!data) throw new TransientError('the answer has neither data nor errors');
      this.metrics.observe(target, name, 'ok', startedAt);
      return { data };
    } catch (cause) {
      if (signal?.aborted) {
        this.metrics.observe(target, name, 'aborted', startedAt);
        throw signal.reason;
      }
      const failure = readFailure(cause);
      const error = classify(failure, subject, name);
      this.metrics.observe(
        target,
        name,
        isUnauthorized(failure) ? 'unauthorized' : outcomeOf(error),
        startedAt,
      );
      return { failure, error };
    }
  }
}

/** Apollo's cache rewrites documents (`__typename`) even when nothing is cached. */
class PassThroughCache extends InMemoryCache {
  override transformDocument(document: DocumentNode): DocumentNode {
    return document;
  }
}

/** Apollo walks the whole document at every call to look for `@defer`, which neither upstream knows. */
class NoIncrementalDelivery extends NotImplementedHandler {
  override prepareRequest(request: ApolloLink.Request): ApolloLink.Request {
    return request;
  }
}

function uncachedClient(uri: string, http: UpstreamHttp): ApolloClient {
  return new ApolloClient({
    cache: new PassThroughCache(),
    // The base link, because HttpLink adds client awareness to every request.
    link: new BaseHttpLink({
      uri,
      fetch: http.fetch as unknown as typeof fetch,
      includeExtensions: false,
      includeUnusedVariables: true,
    }),
    // Two notifications of one order must not share a read: the second may need a newer answer than the first.
    queryDeduplication: false,
    incrementalHandler: new NoIncrementalDelivery(),
    assumeImmutableResults: true,
    devtools: { enabled: false },
  });
}

function operationOf(document: DocumentNode): { name: string; isMutation: boolean } {
  const operation = document.definitions.find((definition) => definition.kind === Kind.OPERATION_DEFINITION);
  return {
    name: operation?.name?.value ?? 'anonymous',
    isMutation: operation?.operation === OperationTypeNode.MUTATION,
  };
}
