import type { TypedDocumentNode } from '@apollo/client';
import {
  type DocumentNode,
  type FragmentDefinitionNode,
  Kind,
  KnownFragmentNamesRule,
  NoFragmentCyclesRule,
  NoUndefinedVariablesRule,
  NoUnusedFragmentsRule,
  OverlappingFieldsCanBeMergedRule,
  UniqueFragmentNamesRule,
  type FragmentSpreadNode,
  type OperationDefinitionNode,
  buildSchema,
  parse,
  validate,
  visit,
} from 'graphql';
import { invalidReturn } from '../call-override.js';
import { ConfigurationError, asError } from '../errors.js';
import { isJsonObject } from '../json.js';

/**
 * More fields to read with an order: the GraphQL fragment `OrderFields on Order`, with the fragments that it uses.
 * {@link withOrderFields} adds it to a query.
 */
export type OrderFields = DocumentNode;

/**
 * A GraphQL fragment on `Order`, as text or as a document. Further fragments that it uses may follow.
 *
 * @typeParam TFields what the fragment reads: the result of a typed document, anything for a text.
 */
export type OrderFragmentSource<TFields = unknown> = string | TypedDocumentNode<TFields>;

/** A GraphQL fragment on `Order`, and its owner. */
export interface OrderFragment {
  readonly owner: string;
  readonly source: OrderFragmentSource;
}

const FIELDS = 'OrderFields';
/** The upstreams' schemas change, so only rules that do not depend on a schema are checked. */
const RULES = [
  UniqueFragmentNamesRule,
  KnownFragmentNamesRule,
  NoFragmentCyclesRule,
  NoUnusedFragmentsRule,
  NoUndefinedVariablesRule,
  OverlappingFieldsCanBeMergedRule,
];
const ANY_SCHEMA = buildSchema('type Query { _: Boolean }');

const extended = new WeakMap<OrderFields, WeakMap<DocumentNode, DocumentNode>>();

/**
 * Combines several fragments into one.
 *
 * @param query the query to which they will be added. Their selections must not conflict with it.
 * @returns undefined without fragments.
 * @throws ConfigurationError that names the owner of a fragment that is invalid, or conflicts with another.
 */
export function combineOrderFragments(
  fragments: readonly OrderFragment[],
  query: DocumentNode,
): OrderFields | undefined {
  if (fragments.length === 0) return undefined;
  const parsed = fragments.map((fragment) => {
    const own = readFragments(fragment);
    check(query, [own], fragment.owner);
    return own;
  });
  check(query, parsed, fragments.map(({ owner }) => owner).join(' and '));
  return combined(parsed);
}

/**
 * @param query with one operation that reads one order as its only field.
 * @returns the query, with the fields added to the order.
 *
 * @example
 * const { order } = await client.query(project.key, withOrderFields(ORDER_BY_KEY, options.commercetoolsFields), { key });
 */
export function withOrderFields<TDocument extends DocumentNode>(
  query: TDocument,
  fields?: OrderFields,
): TDocument {
  if (!fields) return query;
  let known = extended.get(fields);
  if (!known) extended.set(fields, (known = new WeakMap()));
  let document = known.get(query);
  if (!document) known.set(query, (document = extend(query, fields)));
  return document as TDocument;
}

/** Documents are compared by identity, texts by value. */
const single = new Map<OrderFragmentSource, OrderFields>();
/** Fragments belong to the code. A text that is built for each order must not make the map grow without limit. */
const MAX_SINGLE = 1000;

/**
 * @param query the query to which the fields will be added.
 * @returns one fragment as {@link OrderFields}; the same source gives the same fields.
 * @throws ConfigurationError when the fragment is invalid, or conflicts with the query.
 */
export function orderFields(source: OrderFragmentSource, query: DocumentNode): OrderFields {
  let fields = single.get(source);
  if (!fields) {
    const owner = 'fields';
    const own = readFragments({ owner, source });
    check(query, [own], owner);
    fields = combined([own]);
    if (single.size >= MAX_SINGLE) single.clear();
    single.set(source, fields);
  }
  return fields;
}

function extend(query: DocumentNode, fields: OrderFields): DocumentNode {
  const definitions = query.definitions.map((definition) =>
    definition.kind === Kind.OPERATION_DEFINITION ? extendOperation(definition) : definition,
  );
  return { ...query, definitions: [...definitions, ...fields.definitions] };
}

function extendOperation(operation: OperationDefinitionNode): OperationDefinitionNode {
  const [order, ...others] = operation.selectionSet.selections;
  if (order?.kind !== Kind.FIELD || !order.selectionSet || others.length > 0) {
    throw new ConfigurationError(
      `the query ${operation.name?.value ?? 'without a name'} does not have an order as its only field, so no fields can be added to it`,
    );
  }
  const selections = [...order.selectionSet.selections, spread(FIELDS)];
  const selectionSet = { ...order.selectionSet, selections };
  return {
    ...operation,
    selectionSet: { ...operation.selectionSet, selections: [{ ...order, selectionSet }] },
  };
}

/** The fragments of one text; the first is the one on Order. */
type Fragments = readonly [FragmentDefinitionNode, ...FragmentDefinitionNode[]];

/** @returns them under names that only their owner has. */
function readFragments({ owner, source }: OrderFragment): Fragments {
  let document: DocumentNode;
  try {
    document = typeof source === 'string' ? parse(source, { noLocation: true }) : source;
  } catch (error) {
    throw wrong(owner, asError(error).message);
  }
  const [first] = document.definitions;
  const isFragment = (node: { kind: Kind }): boolean => node.kind === Kind.FRAGMENT_DEFINITION;
  if (
    first?.kind !== Kind.FRAGMENT_DEFINITION ||
    first.typeCondition.name.value !== 'Order' ||
    !document.definitions.every(isFragment)
  ) {
    throw wrong(
      owner,
      'it must be a fragment on Order, e.g. fragment Fields on Order { id }; others that it uses may follow',
    );
  }
  const rename = <T extends FragmentDefinitionNode | FragmentSpreadNode>(node: T): T => ({
    ...node,
    name: { ...node.name, value: `${owner.replaceAll(/\W/g, '_')}_${node.name.value}` },
  });
  const renamed = visit(document, { FragmentDefinition: rename, FragmentSpread: rename });
  return renamed.definitions as unknown as Fragments;
}

function combined(texts: readonly Fragments[]): OrderFields {
  const all: FragmentDefinitionNode = {
    kind: Kind.FRAGMENT_DEFINITION,
    name: { kind: Kind.NAME, value: FIELDS },
    typeCondition: { kind: Kind.NAMED_TYPE, name: { kind: Kind.NAME, value: 'Order' } },
    selectionSet: {
      kind: Kind.SELECTION_SET,
      selections: texts.map(([{ name }]) => spread(name.value)),
    },
  };
  return { kind: Kind.DOCUMENT, definitions: [all, ...texts.flat()] };
}

function spread(name: string): FragmentSpreadNode {
  return { kind: Kind.FRAGMENT_SPREAD, name: { kind: Kind.NAME, value: name } };
}

function check(query: DocumentNode, fragments: readonly Fragments[], owner: string): void {
  const problems = validate(ANY_SCHEMA, withOrderFields(query, combined(fragments)), RULES);
  if (problems.length > 0) throw wrong(owner, problems.map(({ message }) => message).join(' '));
}

function wrong(owner: string, problem: string): ConfigurationError {
  return new ConfigurationError(`the GraphQL fragment of ${owner} cannot be used: ${problem}`);
}

/**
 * @param option the option with which the method was asked for the fields.
 * @throws TransientError that names the class when an order that it returned lacks them.
 */
export function requireFields(
  owner: object,
  method: string,
  order: Readonly<Record<string, unknown>>,
  option: 'fluentFields' | 'commercetoolsFields',
): void {
  if (isJsonObject(order['fields'])) return;
  throw invalidReturn(
    owner,
    method,
    `an order without the fields that were asked for; query withOrderFields(document, options.${option}) and return ` +
      'its result as fields',
  );
}
