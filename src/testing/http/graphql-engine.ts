import {
  type DocumentNode,
  type ExecutionResult,
  type GraphQLFieldResolver,
  type GraphQLSchema,
  type OperationDefinitionNode,
  GraphQLError,
  Kind,
  OperationTypeNode,
  execute,
  parse,
  validate,
} from 'graphql';
import { LRUCache } from 'lru-cache';
import { type AnyExtension, extendEmulatedSchema, extendedFieldResolver } from './emulator-extension.js';

/** A document that was parsed and validated, or what is wrong with it. */
export interface PreparedDocument {
  readonly document?: DocumentNode;
  readonly errors?: readonly GraphQLError[];
  readonly operations: readonly PreparedOperation[];
}

export interface PreparedOperation {
  readonly node: OperationDefinitionNode;
  readonly name?: string;
  readonly mutation: boolean;
  /** Root fields by their schema names. */
  readonly fields: readonly string[];
}

export interface GraphqlParameters {
  readonly query: string;
  readonly variables: Readonly<Record<string, unknown>>;
  readonly operationName?: string;
}

/** Documents beyond this many are parsed again; clients use a handful. */
const CACHED_DOCUMENTS = 200;

/** Executes GraphQL on one schema. Parsing and validation happen once per document text. */
export class GraphqlEngine {
  readonly #prepared = new LRUCache<string, PreparedDocument>({ max: CACHED_DOCUMENTS });

  readonly schema: GraphQLSchema;
  readonly #fieldResolver?: GraphQLFieldResolver<unknown, unknown>;

  /**
   * @param owner the emulator, for messages.
   * @throws Error when an extension does not fit the schema.
   */
  constructor(
    schema: GraphQLSchema,
    private readonly rootValue: unknown,
    extensions: readonly AnyExtension[] = [],
    owner = 'emulator',
  ) {
    this.schema = extendEmulatedSchema(schema, extensions, owner);
    if (extensions.length > 0) this.#fieldResolver = extendedFieldResolver(extensions);
  }

  prepare(query: string): PreparedDocument {
    let prepared = this.#prepared.get(query);
    if (prepared === undefined) {
      prepared = prepare(this.schema, query);
      this.#prepared.set(query, prepared);
    }
    return prepared;
  }

  /** @returns the result; without `data` when the request itself was wrong (variables, operation name). */
  execute(document: DocumentNode, parameters: GraphqlParameters, context: unknown): ExecutionResult {
    const result = execute({
      schema: this.schema,
      document,
      rootValue: this.rootValue,
      contextValue: context,
      variableValues: parameters.variables,
      operationName: parameters.operationName,
      fieldResolver: this.#fieldResolver,
    });
    if (result instanceof Promise) throw new TypeError('emulated resolvers must answer synchronously');
    return result;
  }
}

/** @returns the operation that a request means, or undefined when that is not clear. */
export function selectOperation(
  { operations }: PreparedDocument,
  operationName: string | undefined,
): PreparedOperation | undefined {
  if (operationName === undefined) return operations.length === 1 ? operations[0] : undefined;
  return operations.find(({ name }) => name === operationName);
}

/** @returns the document with no more than the first `count` root fields of each operation. */
export function withFirstFields(
  { document, ...prepared }: PreparedDocument,
  count: number,
): PreparedDocument {
  const definitions = document?.definitions.map((node) =>
    node.kind === Kind.OPERATION_DEFINITION
      ? {
          ...node,
          selectionSet: { ...node.selectionSet, selections: node.selectionSet.selections.slice(0, count) },
        }
      : node,
  );
  return { ...prepared, ...(document && definitions && { document: { ...document, definitions } }) };
}

function prepare(schema: GraphQLSchema, query: string): PreparedDocument {
  let document: DocumentNode;
  try {
    document = parse(query, { maxTokens: 10_000 });
  } catch (error) {
    if (error instanceof GraphQLError) return { errors: [error], operations: [] };
    throw error;
  }
  const operations = document.definitions
    .filter((node) => node.kind === Kind.OPERATION_DEFINITION)
    .map((node) => ({
      node,
      name: node.name?.value,
      mutation: node.operation === OperationTypeNode.MUTATION,
      fields: node.selectionSet.selections
        .filter((selection) => selection.kind === Kind.FIELD)
        .map(({ name }) => name.value),
    }));
  const errors = validate(schema, document);
  return errors.length > 0 ? { errors, operations } : { document, operations };
}
