import {
  ApolloClient,
  ApolloLink,
  InMemoryCache,
  type OperationVariables,
  type TypedDocumentNode,
} from '@apollo/client';
import { ServerError } from '@apollo/client/errors';
import { BaseHttpLink } from '@apollo/client/link/http';
import { Inject, Injectable } from '@nestjs/common';
import { type DocumentNode, Kind, OperationTypeNode } from 'graphql';
import { ConnectorConfig, LEAST_WRITES_IN_FLIGHT } from '../config/index.js';
import { type ConnectorError, TransientError } from '../errors.js';
import { isJsonObject } from '../json.js';
import { annotateSpan } from '../tracing/index.js';
import {
  AnsweredFailure,
  AuthorizedCalls,
  CallMetrics,
  CircuitBreakers,
  type Classify,
  OAuthToken,
  RestEndpoint,
  type TokenRequest,
  UpstreamHttp,
  type UpstreamSubject,
  answeredErrors,
  type UpstreamFailure,
  readFailure,
} from '../transport/index.js';
import {
  type AnswerPart,
  canMerge,
  isLocated,
  type LocatedError,
  type MergedAnswer,
  mergedVariables,
  splitAnswer,
  textOf,
} from './merged-operations.js';
import { OperationBatches, type PendingOperation, SharedRequestError } from './operation-batches.js';

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
  /** The upstream refuses a request that is more complex. */
  readonly complexityLimit: number;
  /** The headers that name the work of a request. */
  readonly headersOf?: (correlationIds: readonly string[]) => Readonly<Record<string, string>>;
}

/** Options of one call. */
export interface GraphqlCallOptions {
  /** Names the work that the call is for. */
  readonly correlationId?: string;
  /** Ends the call early; the call then throws the signal's reason. */
  readonly signal?: AbortSignal;
  /** What the call is about, for the circuit breaker; by default its variables. */
  readonly subject?: string;
  /** Whether a mutation may share a request with others of the same document. Queries always may. */
  readonly shareRequest?: boolean;
}

type Answer = Record<string, unknown>;

/** The body of an answer, with or without data. */
interface AnswerBody {
  readonly data?: Answer | null;
  readonly errors?: readonly LocatedError[];
}
type AnyDocument = TypedDocumentNode<Answer, OperationVariables>;

/** A server runs the queries of a request side by side, but its mutations one after the other: these are spread over more requests. */
const READS_IN_FLIGHT = 4;

/** Opens GraphQL endpoints that share connections, circuit breakers and metrics. */
@Injectable()
export class GraphqlEndpoints {
  constructor(
    private readonly http: UpstreamHttp,
    private readonly breakers: CircuitBreakers,
    private readonly metrics: CallMetrics,
    @Inject(ConnectorConfig) private readonly config: Pick<ConnectorConfig, 'operationBatches'>,
  ) {}

  open(options: GraphqlEndpointOptions): GraphqlEndpoint {
    const { operationBatches } = this.config;
    return new GraphqlEndpoint(options, this.http, this.breakers, this.metrics, operationBatches);
  }
}

/**
 * Runs operations for one account or project: circuit breaker first, then token, then Apollo's link. Classifies failures.
 * Operations of the same document that run at the same time share requests.
 */
export class GraphqlEndpoint {
  private readonly client: ApolloClient;
  private readonly token: OAuthToken;
  private readonly calls: AuthorizedCalls;
  private readonly isWarning: NonNullable<GraphqlEndpointOptions['isWarning']>;
  /** By document; undefined for one whose operations are sent alone. */
  private readonly batches = new WeakMap<DocumentNode, OperationBatches | 'alone'>();

  constructor(
    private readonly options: GraphqlEndpointOptions,
    private readonly http: UpstreamHttp,
    private readonly breakers: CircuitBreakers,
    private readonly metrics: CallMetrics,
    private readonly sharing: ConnectorConfig['operationBatches'],
  ) {
    const { target, subject, url, token, isWarning = () => false } = options;
    this.isWarning = isWarning;
    this.client = openClient(url, http);
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
  execute<TData, TVariables extends OperationVariables>(
    document: TypedDocumentNode<TData, TVariables>,
    variables: TVariables,
    { shareRequest = false, subject, correlationId, signal }: GraphqlCallOptions = {},
  ): Promise<TData> {
    const untyped = document as unknown as AnyDocument;
    const operation = { variables, correlationId, signal };
    const batches = subject === undefined ? this.batchesOf(untyped, shareRequest) : 'alone';
    const answer = batches === 'alone' ? this.sendAlone(untyped, operation, subject) : batches.run(operation);
    return answer as Promise<TData>;
  }

  private batchesOf(document: AnyDocument, shareRequest: boolean): OperationBatches | 'alone' {
    const { isMutation } = operationOf(document);
    if (isMutation && !shareRequest) return 'alone';
    let batches = this.batches.get(document);
    if (!batches) {
      const maxSize = isMutation ? this.sharing.writes : this.sharing.reads;
      batches = maxSize > 1 && canMerge(document) ? this.openBatches(document, isMutation, maxSize) : 'alone';
      this.batches.set(document, batches);
    }
    return batches;
  }

  private openBatches(document: AnyDocument, isMutation: boolean, maxSize: number): OperationBatches {
    const { writesInFlight = LEAST_WRITES_IN_FLIGHT } = this.sharing;
    const maxInFlight = isMutation ? writesInFlight : READS_IN_FLIGHT;
    const limits = { maxSize, maxInFlight, complexityLimit: this.options.complexityLimit };
    return new OperationBatches(document, isMutation, limits, {
      alone: (operation) => this.sendAlone(document, operation),
      together: (merged, operations, signal) =>
        this.sendTogether(document, isMutation, merged, operations, signal),
      mayShare: () => this.calls.isCircuitClosed(isMutation),
    });
  }

  private sendAlone(
    document: AnyDocument,
    { variables, correlationId, signal }: PendingOperation,
    subject = JSON.stringify(variables),
  ): Promise<Answer> {
    const { name, isMutation } = operationOf(document);
    const send = async (token: string): Promise<Answer> => {
      annotateSpan('graphql.operation.type', isMutation ? 'mutation' : 'query');
      const context = this.contextOf(token, [correlationId], signal);
      const { data, errors = [] } = await this.sendOnce(document, variables, context);
      if (errors.length > 0 && !(data && this.areWarnings(errors, data))) {
        throw new AnsweredFailure(answeredErrors(errors));
      }
      if (!data) throw new TransientError(EMPTY_ANSWER);
      return data;
    };
    return this.calls.run(name, send, { signal, subject, isWrite: isMutation, sent: variables });
  }

  private async sendTogether(
    document: AnyDocument,
    isMutation: boolean,
    merged: AnyDocument,
    operations: readonly PendingOperation[],
    signal: AbortSignal,
  ): Promise<readonly (Answer | ConnectorError)[]> {
    const variables = operations.map((operation) => operation.variables);
    const correlationIds = operations.map(({ correlationId }) => correlationId);
    let failure: UpstreamFailure | undefined;
    const send = async (token: string): Promise<readonly (Answer | AnsweredFailure)[]> => {
      annotateSpan('graphql.operation.type', isMutation ? 'mutation' : 'query');
      annotateSpan('fluent_connector.operations', operations.length);
      const context = this.contextOf(token, correlationIds, signal);
      try {
        const answer = await this.mergedAnswer(merged, mergedVariables(variables), context, isMutation);
        return splitAnswer(document, answer, operations.length).map((part) => this.resultOf(part));
      } catch (error) {
        failure = readFailure(error);
        throw error;
      }
    };
    const { name } = operationOf(document);
    const subject = JSON.stringify(variables[0]);
    try {
      return await this.calls.runTogether(name, send, {
        signal,
        subject,
        isWrite: isMutation,
        sent: variables,
      });
    } catch (error) {
      if (signal.aborted) throw error;
      throw new SharedRequestError(error, failure);
    }
  }

  /** @throws the error of an answer that does not tell the operations apart. */
  private async mergedAnswer(
    document: AnyDocument,
    variables: OperationVariables,
    context: Record<string, unknown>,
    isMutation: boolean,
  ): Promise<MergedAnswer> {
    let failed: unknown;
    const { data, errors = [] } = await this.sendOnce(document, variables, context).catch(
      (error: unknown) => {
        const answer = answerOf(error);
        if (!answer) throw error;
        failed = error;
        return answer;
      },
    );
    if (errors.length === 0) {
      if (!data) throw new TransientError(EMPTY_ANSWER);
      return { data, errors };
    }
    const isExecuted = data ? true : isMutation && errors.some(isLocated);
    // Each of the reads can be repeated alone, and then it is clear whose error it is.
    const isClear = isMutation || errors.every((one) => isLocated(one) || this.isWarningError(one));
    if (!isExecuted || !isClear) throw failed ?? new AnsweredFailure(answeredErrors(errors));
    return { data, errors };
  }

  private resultOf({ data, errors }: AnswerPart): Answer | AnsweredFailure {
    if (data && (errors.length === 0 || this.areWarnings(errors, data))) return data;
    if (errors.length > 0) return new AnsweredFailure(answeredErrors(errors));
    const cause = new Error('the answer to several operations lacks this one');
    return new AnsweredFailure({ problems: [], cause });
  }

  private contextOf(
    token: string,
    correlationIds: readonly (string | undefined)[],
    signal: AbortSignal | undefined,
  ): Record<string, unknown> {
    const known = correlationIds.filter((id): id is string => id !== undefined && id !== '');
    const headers = { ...this.options.headersOf?.(known), authorization: `Bearer ${token}` };
    return { headers, ...(signal && { fetchOptions: { signal } }) };
  }

  /**
   * Drives the link without the rest of Apollo Client, which caches and transforms: nothing here is cached or
   * watched. Two notifications of one order never share a read, for the second may need a newer answer than the first.
   */
  private sendOnce(
    query: AnyDocument,
    variables: OperationVariables,
    context: Record<string, unknown>,
  ): Promise<AnswerBody> {
    const { client } = this;
    return new Promise((resolve, reject) => {
      ApolloLink.execute(client.link, { query, variables, context }, { client }).subscribe({
        next: (answer) => resolve(answer as AnswerBody),
        error: reject,
        // Later than any answer.
        complete: () => resolve({}),
      });
    });
  }

  /** @returns whether the errors beside data are only warnings. */
  private areWarnings(errors: readonly LocatedError[], data: Readonly<Answer>): boolean {
    return (
      Object.values(data).some((field) => field !== null) && errors.every((one) => this.isWarningError(one))
    );
  }

  private isWarningError({ message, extensions }: LocatedError): boolean {
    const code = isJsonObject(extensions) ? extensions['code'] : undefined;
    return this.isWarning(typeof message === 'string' ? message : '', code);
  }
}

const EMPTY_ANSWER = 'the answer has neither data nor errors';

/** @returns the GraphQL answer in an error, if there is one: commercetools may answer conflicts with 409. */
function answerOf(error: unknown): MergedAnswer | undefined {
  if (!ServerError.is(error) || error.statusCode >= 500 || error.statusCode === 401) return undefined;
  try {
    const body: unknown = JSON.parse(error.bodyText);
    if (!isJsonObject(body) || !Array.isArray(body['errors'])) return undefined;
    const data = isJsonObject(body['data']) ? body['data'] : null;
    return { data, errors: body['errors'].filter(isJsonObject) };
  } catch {
    // Something in between answered, not the GraphQL server.
    return undefined;
  }
}

function openClient(uri: string, http: UpstreamHttp): ApolloClient {
  return new ApolloClient({
    cache: new InMemoryCache(),
    // The base link, because HttpLink adds client awareness to every request.
    link: new BaseHttpLink({
      uri,
      fetch: http.fetch as unknown as typeof fetch,
      print: textOf,
      includeExtensions: false,
      includeUnusedVariables: true,
    }),
    devtools: { enabled: false },
  });
}

const shownNames = new WeakMap<DocumentNode, string>();

/** @returns the document, which is called `name` in metrics, traces and errors. Its text stays as it is. */
export function shownAs<TDocument extends DocumentNode>(name: string, document: TDocument): TDocument {
  shownNames.set(document, name);
  return document;
}

function operationOf(document: DocumentNode): { name: string; isMutation: boolean } {
  const operation = document.definitions.find((definition) => definition.kind === Kind.OPERATION_DEFINITION);
  return {
    name: shownNames.get(document) ?? operation?.name?.value ?? 'anonymous',
    isMutation: operation?.operation === OperationTypeNode.MUTATION,
  };
}
