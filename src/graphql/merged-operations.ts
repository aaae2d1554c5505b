import {
  type ASTNode,
  type DocumentNode,
  type FieldNode,
  type FragmentDefinitionNode,
  Kind,
  type OperationDefinitionNode,
  OperationTypeNode,
  type SelectionNode,
  type ValueNode,
  print,
  stripIgnoredCharacters,
  visit,
} from 'graphql';

/** An error of a GraphQL answer. */
export interface LocatedError {
  readonly message?: unknown;
  readonly path?: readonly (string | number)[];
  readonly extensions?: unknown;
}

/** The answer to a merged document. */
export interface MergedAnswer {
  readonly data?: Readonly<Record<string, unknown>> | null;
  readonly errors: readonly LocatedError[];
}

/** The part of a merged answer that belongs to one of its operations. */
export interface AnswerPart {
  /** As the operation alone would get it. Undefined when a root field is missing. */
  readonly data?: Readonly<Record<string, unknown>>;
  /** Its own errors, and those that name no operation. */
  readonly errors: readonly LocatedError[];
}

/** What the largest page of a list may hold, when only its variables tell. */
const LARGEST_PAGE = 500;
/** What a page holds when nothing tells. */
const ASSUMED_PAGE = 100;
const PAGE_SIZES: ReadonlySet<string> = new Set(['first', 'last', 'limit']);
const LISTS: ReadonlySet<string> = new Set(['edges', 'results']);

/**
 * @returns whether copies of the document can stand in one request: a single query or mutation that selects nothing but
 * fields at its root, has no directives, and whose fragments use no variables, because fragments are shared.
 */
export function canMerge(document: DocumentNode): boolean {
  const operations = document.definitions.filter(isOperation);
  const [operation] = operations;
  if (!operation || operations.length > 1) return false;
  if (operation.operation === OperationTypeNode.SUBSCRIPTION || (operation.directives?.length ?? 0) > 0) {
    return false;
  }
  if (!operation.selectionSet.selections.every(isField)) return false;
  return !document.definitions.some((definition) => !isOperation(definition) && usesVariables(definition));
}

/**
 * @param document one that can be merged.
 * @returns the document `count` times in one operation of the same name. The root fields and the variables of the n-th copy
 * begin with `b<n>_`.
 */
export function mergedDocument(document: DocumentNode, count: number): DocumentNode {
  const operation = operationOf(document);
  const copies = copiesOf(operation, count);
  const merged: OperationDefinitionNode = {
    ...operation,
    variableDefinitions: copies.flatMap(({ variableDefinitions = [] }) => variableDefinitions),
    selectionSet: {
      ...operation.selectionSet,
      selections: copies.flatMap(({ selectionSet }) => selectionSet.selections),
    },
  };
  const whole = {
    ...document,
    definitions: document.definitions.map((definition) => (definition === operation ? merged : definition)),
  };
  mergedDocuments.add(whole);
  return whole;
}

const mergedDocuments = new WeakSet<ASTNode>();
const texts = new WeakMap<ASTNode, string>();

/**
 * @returns the text of a document as it is sent. In a merged one, each part is printed once for all documents that share it, and
 * without white space, which would be half of it.
 */
export function textOf(document: ASTNode): string {
  let text = texts.get(document);
  if (text === undefined) {
    text = mergedDocuments.has(document) ? mergedText(document as DocumentNode) : print(document);
    texts.set(document, text);
  }
  return text;
}

function mergedText(document: DocumentNode): string {
  const { operation, name, variableDefinitions = [], selectionSet } = operationOf(document);
  const variables = variableDefinitions.map(compactText).join(' ');
  const selections = selectionSet.selections.map(compactText).join(' ');
  const fragments = document.definitions.filter((definition) => !isOperation(definition)).map(compactText);
  return `${operation} ${name?.value ?? ''}${variables && `(${variables})`}{${selections}}${fragments.join(' ')}`;
}

function compactText(node: ASTNode): string {
  let text = texts.get(node);
  if (text === undefined) {
    text = stripIgnoredCharacters(print(node));
    texts.set(node, text);
  }
  return text;
}

/** @returns the variables of a merged document, from those of each operation. */
export function mergedVariables(
  variables: readonly Readonly<Record<string, unknown>>[],
): Record<string, unknown> {
  const merged: Record<string, unknown> = {};
  variables.forEach((own, index) => {
    for (const name of Object.keys(own)) merged[prefixed(index, name)] = own[name];
  });
  return merged;
}

/**
 * @param document the one that was merged.
 * @returns what belongs to each operation, in their order.
 */
export function splitAnswer(
  document: DocumentNode,
  { data, errors }: MergedAnswer,
  count: number,
): AnswerPart[] {
  const keys = operationOf(document).selectionSet.selections.filter(isField).map(keyOf);
  const shared = errors.filter((error) => !isLocated(error));
  return Array.from({ length: count }, (_, index) => {
    const own =
      errors.length === 0
        ? errors
        : [...errors.filter(({ path }) => indexOf(path?.[0]) === index), ...shared];
    const part: Record<string, unknown> = {};
    for (const key of keys) {
      const value = data?.[prefixed(index, key)];
      if (value === undefined) return { errors: own };
      part[key] = value;
    }
    return { data: part, errors: own };
  });
}

/** @returns whether an error names the part of the answer that it is about. */
export function isLocated({ path }: LocatedError): boolean {
  return indexOf(path?.[0]) !== undefined;
}

/**
 * A cautious estimate of what servers that limit a query's complexity count: every field once, and what lies in a list once
 * for each entry of its page.
 */
export function estimatedComplexity(document: DocumentNode): number {
  const fragments = new Map(
    document.definitions
      .filter(
        (definition): definition is FragmentDefinitionNode => definition.kind === Kind.FRAGMENT_DEFINITION,
      )
      .map((fragment) => [fragment.name.value, fragment.selectionSet.selections]),
  );
  const sum = (selections: readonly SelectionNode[] = []): number =>
    selections.reduce((total, selection) => total + costOf(selection), 0);
  const costOf = (selection: SelectionNode): number => {
    if (selection.kind === Kind.FRAGMENT_SPREAD) return sum(fragments.get(selection.name.value));
    const below = sum(selection.selectionSet?.selections);
    return selection.kind === Kind.FIELD ? 1 + below * pageSizeOf(selection) : below;
  };
  return sum(operationOf(document).selectionSet.selections);
}

function pageSizeOf({ arguments: given = [], selectionSet }: FieldNode): number {
  const size = given.find(({ name }) => PAGE_SIZES.has(name.value));
  if (size) return wholeNumber(size.value) ?? LARGEST_PAGE;
  const isList = selectionSet?.selections.some((child) => isField(child) && LISTS.has(child.name.value));
  return isList ? ASSUMED_PAGE : 1;
}

function wholeNumber(value: ValueNode): number | undefined {
  return value.kind === Kind.INT ? Number(value.value) : undefined;
}

const copies = new WeakMap<OperationDefinitionNode, OperationDefinitionNode[]>();

/** Merged documents of all sizes share their copies. */
function copiesOf(operation: OperationDefinitionNode, count: number): readonly OperationDefinitionNode[] {
  const known = copies.get(operation) ?? [];
  copies.set(operation, known);
  while (known.length < count) known.push(copyOf(operation, known.length));
  return known.slice(0, count);
}

function copyOf(operation: OperationDefinitionNode, index: number): OperationDefinitionNode {
  // Nodes without a variable are shared by all copies.
  const renamed = visit(operation, {
    Variable: (node) => ({ ...node, name: { ...node.name, value: prefixed(index, node.name.value) } }),
  });
  const selections = renamed.selectionSet.selections.filter(isField).map((field): FieldNode => ({
    ...field,
    alias: { kind: Kind.NAME, value: prefixed(index, keyOf(field)) },
  }));
  return { ...renamed, selectionSet: { ...renamed.selectionSet, selections } };
}

function operationOf(document: DocumentNode): OperationDefinitionNode {
  const operation = document.definitions.find(isOperation);
  if (!operation) throw new TypeError('the document has no operation');
  return operation;
}

function usesVariables(definition: DocumentNode['definitions'][number]): boolean {
  let isUsed = false;
  visit(definition, {
    Variable: () => {
      isUsed = true;
    },
  });
  return isUsed;
}

function isOperation(definition: DocumentNode['definitions'][number]): definition is OperationDefinitionNode {
  return definition.kind === Kind.OPERATION_DEFINITION;
}

function isField(selection: SelectionNode): selection is FieldNode {
  return selection.kind === Kind.FIELD;
}

/** The name of a field in the answer. */
function keyOf({ alias, name }: FieldNode): string {
  return (alias ?? name).value;
}

function prefixed(index: number, name: string): string {
  return `b${index}_${name}`;
}

function indexOf(key: unknown): number | undefined {
  const digits = typeof key === 'string' ? /^b(\d+)_/.exec(key)?.[1] : undefined;
  return digits === undefined ? undefined : Number(digits);
}
