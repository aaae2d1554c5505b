import type { Connection } from './documents.js';

/** Fluent allows 500. With this size, the complexity of a usual query stays far below the limit of 11,111. */
export const PAGE_SIZE = 100;

/** Yields all nodes of all pages, and reads each page when it is needed. */
export async function* pages<TNode>(
  read: (page: { first: number; after: string | null }) => Promise<Connection<TNode> | null | undefined>,
  first = PAGE_SIZE,
): AsyncGenerator<TNode> {
  const asked = new Set<string | null>();
  for (let after: string | null = null; ;) {
    const connection: Connection<TNode> | null | undefined = await read({ first, after });
    const edges = connection?.edges ?? [];
    for (const edge of edges) if (edge?.node) yield edge.node;
    const cursor = edges.at(-1)?.cursor ?? null;
    asked.add(after);
    // A cursor that was used before would repeat the same pages forever.
    if (!connection?.pageInfo?.hasNextPage || cursor === null || asked.has(cursor)) return;
    after = cursor;
  }
}
