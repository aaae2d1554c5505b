import { FluentApiError } from './fluent-api-error.js';

/** Arguments of a Fluent connection. */
export interface PageArguments {
  first?: number | null;
  last?: number | null;
  before?: string | null;
  after?: string | null;
}

export const DEFAULT_PAGE_SIZE = 10;
export const MAX_PAGE_SIZE = 500;

/** One page of a list. */
export interface Connection<T> {
  readonly edges: readonly { readonly node: T; readonly cursor: string }[];
  readonly pageInfo: { readonly hasPreviousPage: boolean; readonly hasNextPage: boolean };
}

/**
 * Cuts one page out of items sorted by a number that never changes, so that a cursor stays right while
 * items come and go.
 */
export function paginate<T extends { readonly sequence: number }>(
  items: readonly T[],
  { first, last, before, after }: PageArguments,
): Connection<T> {
  const backwards = last != null && first == null;
  const size = (backwards ? last : first) ?? DEFAULT_PAGE_SIZE;
  if (size < 0 || size > MAX_PAGE_SIZE) {
    throw new FluentApiError('C0110E', `a page has 0 to ${MAX_PAGE_SIZE} entries, ${size} were asked for`);
  }
  const lower = after == null ? Number.NEGATIVE_INFINITY : readCursor(after);
  const upper = before == null ? Number.POSITIVE_INFINITY : readCursor(before);
  const inRange = items.filter(({ sequence }) => sequence > lower && sequence < upper);
  const page = backwards ? inRange.slice(Math.max(0, inRange.length - size)) : inRange.slice(0, size);
  const start = items.findIndex((item) => item === page[0]);
  const end = items.findIndex((item) => item === page.at(-1));
  return {
    edges: page.map((node) => ({ node, cursor: writeCursor(node.sequence) })),
    pageInfo: {
      hasPreviousPage: page.length > 0 && start > 0,
      hasNextPage: page.length > 0 ? end < items.length - 1 : size === 0 && inRange.length > 0,
    },
  };
}

/** @returns the page with other nodes. */
export function mapNodes<T, U>({ edges, pageInfo }: Connection<T>, map: (node: T) => U): Connection<U> {
  return { edges: edges.map(({ node, cursor }) => ({ node: map(node), cursor })), pageInfo };
}

function writeCursor(sequence: number): string {
  return Buffer.from(`cursor:${sequence}`).toString('base64');
}

function readCursor(cursor: string): number {
  const sequence = /^cursor:(\d+)$/.exec(Buffer.from(cursor, 'base64').toString())?.[1];
  if (sequence === undefined)
    throw new FluentApiError('C0111E', 'the cursor is none that this list gave out');
  return Number(sequence);
}
