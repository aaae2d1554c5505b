import { ApolloClient, InMemoryCache, type OperationVariables, type TypedDocumentNode } from '@apollo/client';
import { NotImplementedHandler } from '@apollo/client/incremental';
import { CombinedGraphQLErrors } from '@apollo/client/errors';
import type { ApolloLink } from '@apollo/client/link';
import { BaseHttpLink } from '@apollo/client/link/http';
import { Injectable } from '@nestjs/common';
import { type DocumentNode, Kind, OperationTypeNode } from 'graphql';
import { TransientError } from '../errors.js';
import { annotateSpan } from '../tracing/index.js';
import {
  AuthorizedCalls,
  CallMetrics,
  CircuitBreakers,
  type Classify,
  OAuthToken,
  RestEndpoint,
  type TokenRequest,
  UpstreamHttp,
  type UpstreamSubject,
} from '../transport/index.js';

/** The GraphQL endpoint of one account or project. */
export interface GraphqlEndpointOptions {
  /** Name of its circuit breaker and its metrics, e.g. `fluent:ACME`. */
  readonly target: string;
  readonly subject: UpstreamSubject;
  readonly url: string;
  readonly token: TokenRequest;
  readonly classify: Classify;
  /** Whether an error of an answer with data is only a warning. Without it, every error is a failure. */
  readonly isWarning?: (message: string, code: unknown) => boolean;
}

/** Options of one call. */
export interface GraphqlCallOptions {
  readonly headers?: Readonly<Record<string, string>>;
  /** Ends the call early; the call then throws the signal's reason. */
  readonly signal?: AbortSignal;
  /** What the call is about, for the circuit breaker; by default its variables. */
  readonly subject?: string;
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
    return new GraphqlEndpoint(options, this.http, this.breakers, this.metrics);
  }
}

/** Runs operations for one account or project: circuit breaker first, then token, then Apollo Client. Classifies failures. */
export class GraphqlEndpoint {
  private readonly client: ApolloClient;
  private readonly token: OAuthToken;
  private readonly calls: AuthorizedCalls;
  private readonly isWarning: NonNullable<GraphqlEndpointOptions['isWarning']>;

  constructor(
    private readonly options: GraphqlEndpointOptions,
    private readonly http: UpstreamHttp,
    private readonly breakers: CircuitBreakers,
    private readonly metrics: CallMetrics,
  ) {
    const { target, subject, url, token, isWarning = () => false } = options;
    this.isWarning = isWarning;
    this.client = uncachedClient(url, http);
    this.token = new OAuthToken(target, subject, token, http, metrics);
    this.calls = this.callsTo(target);
  }

  private callsTo(target: string): AuthorizedCalls {
    const { subject, classify } = this.options;
    this.breakers.register(target);
    return new AuthorizedCalls(target, subject, classify, this.token, this.breakers, this.metrics);
  }

  /**
   * Opens a REST API of the same account, with the same token.
   *
   * @param url without a trailing slash
   * @param target the name of a separate circuit breaker and its metrics. By default, it shares those of the GraphQL API.
   */
  rest(url: string, target?: string): RestEndpoint {
    return new RestEndpoint(url, target === undefined ? this.calls : this.callsTo(target), this.http);
  }

  /** Makes sure that there is a valid token. @throws ConfigurationError or TransientError when there is none. */
  async authorize(signal?: AbortSignal): Promise<void> {
    await this.token.get(signal);
  }

  /** @throws CircuitOpenError when a call would not be let through now. */
  throwIfCircuitOpen(): void {
    this.calls.throwIfCircuitOpen();
  }

  /**
   * Runs a query or a mutation. A refused token is replaced, and the call repeated, once.
   *
   * @throws CircuitOpenError without a call, what `classify` makes of a failure, or the signal's reason
   */
  async execute<TData, TVariables extends OperationVariables>(
    document: TypedDocumentNode<TData, TVariables>,
    variables: TVariables,
    { headers, signal, subject = JSON.stringify(variables) }: GraphqlCallOptions = {},
  ): Promise<TData> {
    const { name, isMutation } = operationOf(document);
    const send = async (token: string): Promise<TData> => {
      annotateSpan('graphql.operation.type', isMutation ? 'mutation' : 'query');
      const context = {
        headers: { ...headers, authorization: `Bearer ${token}` },
        ...(signal && { fetchOptions: { signal } }),
      };
      const data = await this.sendOnce(document, variables, context, isMutation).catch((error: unknown) =>
        this.dataBesideWarnings<TData>(error),
      );
      if (!data) throw new TransientError('the answer has neither data nor errors');
      return data;
    };
    return this.calls.run(name, send, { signal, subject, isWrite: isMutation, sent: variables });
  }

  private async sendOnce<TData, TVariables extends OperationVariables>(
    document: TypedDocumentNode<TData, TVariables>,
    variables: TVariables,
    context: Record<string, unknown>,
    isMutation: boolean,
  ): Promise<TData | undefined> {
    const { data } = isMutation
      ? await this.client.mutate({ mutation: document, variables, context, fetchPolicy: 'no-cache' })
      : await this.client.query({ query: document, variables, context, fetchPolicy: 'no-cache' });
    return data;
  }

  /** @throws the error itself unless it consists of warnings beside data. */
  private dataBesideWarnings<TData>(error: unknown): TData {
    const isAnswered =
      CombinedGraphQLErrors.is(error) &&
      Object.values(error.data ?? {}).some((field) => field !== null) &&
      error.errors.every(({ message, extensions }) => this.isWarning(message, extensions?.['code']));
    if (!isAnswered) throw error;
    return error.data as TData;
  }
}

/** Apollo's cache rewrites documents (`__typename`) even when nothing is cached. */
class PassThroughCache extends InMemoryCache {
  override transformDocument(document: DocumentNode): DocumentNode {
    return document;
  }
}

/** Apollo searches the whole document for `@defer` at every call. Neither upstream supports it. */
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
