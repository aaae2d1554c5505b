import type { OperationVariables, TypedDocumentNode } from '@apollo/client';
import { Injectable } from '@nestjs/common';
import { type DocumentNode, Kind, type OperationDefinitionNode, OperationTypeNode } from 'graphql';
import type { Connection } from './documents.js';
import { FluentClient, type FluentRequestOptions } from './fluent-client.js';
import { FluentEndpoints, type FluentScope } from './fluent-endpoints.js';
import { PAGE_SIZE, pages } from './pages.js';

/** Options of {@link FluentGraphql.nodes}. */
export interface FluentNodesOptions extends FluentScope, FluentRequestOptions {
  /** Entries of each page, at most 500. Default: 100. */
  readonly pageSize?: number;
}

const MAX_PAGE_SIZE = 500;

/**
 * Runs your own documents against Fluent's GraphQL API, with the account's token, circuit breaker, time-out and errors.
 * Results are not cached.
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
   * @throws TransientError, PermanentError or ConfigurationError. For a query that is too large or too complex, it is a
   * PermanentError that says what to change.
   * @throws TypeError when the document is not a query.
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
   * Sends a mutation once. If there is no answer, Fluent may still have applied it.
   *
   * @throws TransientError, PermanentError or ConfigurationError
   * @throws TypeError when the document is not a mutation.
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
   * Yields every node of a connection, and reads each page when it is needed. The query takes `$first: Int` and
   * `$after: String`, and selects `edges { cursor node { … } } pageInfo { hasNextPage }`. Reading ends after the last page, or
   * when the cursor does not move.
   *
   * @param connectionOf returns the connection of an answer.
   * @throws TypeError when the document is not a query, or lacks `$first` and `$after`.
   *
   * @example
   * for await (const { ref } of graphql.nodes(BOOKED_ORDERS, {}, ({ orders }) => orders)) console.log(ref);
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
