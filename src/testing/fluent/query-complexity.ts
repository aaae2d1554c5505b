import { type OperationDefinitionNode, type SelectionSetNode, type ValueNode, Kind } from 'graphql';
import { DEFAULT_PAGE_SIZE } from './paging.js';

type Variables = Readonly<Record<string, unknown>>;
type Fragments = Readonly<Record<string, SelectionSetNode>>;

/**
 * A simple measure of what a query may cost: every field counts one, and what lies below a paged field
 * counts once per entry of a full page. Fluent's own formula is not published; its limit is.
 */
export function queryComplexity(
  operation: OperationDefinitionNode,
  fragments: Fragments,
  variables: Variables,
): number {
  return complexityOf(operation.selectionSet, fragments, variables);
}

function complexityOf(selectionSet: SelectionSetNode, fragments: Fragments, variables: Variables): number {
  let complexity = 0;
  for (const selection of selectionSet.selections) {
    switch (selection.kind) {
      case Kind.FIELD: {
        const { selectionSet: children, arguments: args = [] } = selection;
        const below = children ? complexityOf(children, fragments, variables) : 0;
        const pageSize = args.find(({ name }) => name.value === 'first' || name.value === 'last');
        const paged = pageSize !== undefined || children?.selections.some(isEdges);
        complexity += 1 + below * (paged ? (sizeOf(pageSize?.value, variables) ?? DEFAULT_PAGE_SIZE) : 1);
        break;
      }
      case Kind.INLINE_FRAGMENT:
        complexity += complexityOf(selection.selectionSet, fragments, variables);
        break;
      case Kind.FRAGMENT_SPREAD: {
        const fragment = fragments[selection.name.value];
        if (fragment) complexity += complexityOf(fragment, fragments, variables);
        break;
      }
    }
  }
  return complexity;
}

function isEdges(selection: SelectionSetNode['selections'][number]): boolean {
  return selection.kind === Kind.FIELD && selection.name.value === 'edges';
}

function sizeOf(value: ValueNode | undefined, variables: Variables): number | undefined {
  if (value?.kind === Kind.INT) return Number(value.value);
  if (value?.kind !== Kind.VARIABLE) return undefined;
  const given = variables[value.name.value];
  return typeof given === 'number' ? given : undefined;
}
