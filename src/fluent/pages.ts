import type { Connection } from './documents.js';

/** Fluent allows 500; with this many a usual query's complexity stays far below its limit of 11,111. */
export const PAGE_SIZE = 100;

/** All nodes of all pages, read one page at a time as they are needed. */
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
    // A cursor that was asked for before would lead round the same pages for ever.
    if (!connection?.pageInfo?.hasNextPage || cursor === null || asked.has(cursor)) return;
    after = cursor;
  }
}
