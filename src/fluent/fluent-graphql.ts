import type { OperationVariables, TypedDocumentNode } from '@apollo/client';
import { Injectable } from '@nestjs/common';
import { type DocumentNode, Kind, type OperationDefinitionNode, OperationTypeNode } from 'graphql';
import type { Connection } from './documents.js';
import { FluentClient, type FluentRequestOptions } from './fluent-client.js';
import { FluentEndpoints, type FluentScope } from './fluent-endpoints.js';
import { PAGE_SIZE, pages } from './pages.js';

/** Options of {@link FluentGraphql.nodes}. */
export interface FluentNodesOptions extends FluentScope, FluentRequestOptions {
  /** Entries per page, at most 500; 100 by default. */
  readonly pageSize?: number;
}

const MAX_PAGE_SIZE = 500;

/**
 * Documents of one's own against Fluent's GraphQL API, with the account's token, circuit breaker, time-out
 * and errors. Nothing is cached.
 *
 * @example
 * const { orderById } = await graphql.query(ORDER_WITH_ITEMS, { id: notification.entityId }, notification);
 */
@Injectable()
export class FluentGraphql {
  constructor(
    private readonly client: FluentClient,
    private readonly endpoints: FluentEndpoints,
  ) {}

  /**
   * @throws TransientError, PermanentError or ConfigurationError; a query that is too large or too complex is
   * permanent, and the message says what to change
   * @throws TypeError when the document is no query
   */
  async query<TData, TVariables extends OperationVariables>(
    document: TypedDocumentNode<TData, TVariables>,
    variables: TVariables,
    options: FluentScope & FluentRequestOptions = {},
  ): Promise<TData> {
    requireOperation(document, OperationTypeNode.QUERY);
    return this.run(document, variables, options);
  }

  /**
   * Sends a write once. When it was not answered, it may have been applied all the same.
   *
   * @throws TransientError, PermanentError or ConfigurationError
   * @throws TypeError when the document is no mutation
   *
   * @example
   * await graphql.mutate(UPDATE_ORDER, { input: { id: '1021', attributes: [trackingUrl] } });
   */
  async mutate<TData, TVariables extends OperationVariables>(
    document: TypedDocumentNode<TData, TVariables>,
    variables: TVariables,
    options: FluentScope & FluentRequestOptions = {},
  ): Promise<TData> {
    requireOperation(document, OperationTypeNode.MUTATION);
    return this.run(document, variables, options);
  }

  /**
   * Every node of a connection, page by page as they are needed. The query takes `$first: Int` and
   * `$after: String`, and selects `edges { cursor node { … } } pageInfo { hasNextPage }`. Reading ends when there
   * is no next page, or when the cursor does not move.
   *
   * @param connectionOf where in the answer the connection is
   * @throws TypeError when the document is no query, or has no `$first` and `$after`
   *
   * @example
   * for await (const order of graphql.nodes(BOOKED_ORDERS, {}, ({ orders }) => orders)) …
   */
  async *nodes<TData, TVariables extends OperationVariables, TNode>(
    document: TypedDocumentNode<TData, TVariables>,
    variables: Omit<TVariables, 'first' | 'after'>,
    connectionOf: (data: TData) => Connection<TNode> | null | undefined,
    options: FluentNodesOptions = {},
  ): AsyncGenerator<TNode> {
    const { pageSize = PAGE_SIZE } = options;
    if (!Number.isInteger(pageSize) || pageSize < 1 || pageSize > MAX_PAGE_SIZE) {
      throw new RangeError(`pageSize must be a whole number from 1 to ${MAX_PAGE_SIZE}`);
    }
    const operation = requireOperation(document, OperationTypeNode.QUERY);
    const names = operation.variableDefinitions?.map(({ variable }) => variable.name.value) ?? [];
    if (!names.includes('first') || !names.includes('after')) {
      throw new TypeError(`query ${nameOf(operation)} needs the variables $first: Int and $after: String`);
    }
    yield* pages(async (page) => {
      const data = await this.run(document, { ...variables, ...page } as unknown as TVariables, options);
      return connectionOf(data);
    }, pageSize);
  }

  private async run<TData, TVariables extends OperationVariables>(
    document: TypedDocumentNode<TData, TVariables>,
    variables: TVariables,
    options: FluentScope & FluentRequestOptions,
  ): Promise<TData> {
    return this.client.query(this.endpoints.accountOf(options), document, variables, {
      signal: options.signal,
    });
  }
}

function requireOperation(document: DocumentNode, wanted: OperationTypeNode): OperationDefinitionNode {
  const operations = document.definitions.filter(({ kind }) => kind === Kind.OPERATION_DEFINITION);
  const [operation] = operations as OperationDefinitionNode[];
  if (operations.length !== 1 || !operation) throw new TypeError('the document must hold one operation');
  if (operation.operation !== wanted) {
    throw new TypeError(`${nameOf(operation)} is a ${operation.operation}, not a ${wanted}`);
  }
  return operation;
}

function nameOf({ name }: OperationDefinitionNode): string {
  return name?.value ?? 'without a name';
}
