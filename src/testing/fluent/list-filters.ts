/** A range of times of a list query, milliseconds since 1970. */
export interface DateRange {
  readonly from?: number | null;
  readonly to?: number | null;
}

const PAGING: ReadonlySet<string> = new Set(['first', 'last', 'before', 'after']);

/**
 * @returns the records that meet every filter of a list query. A filter has the name of the record's field: a list
 * names the values that match, and a range the times.
 */
export function filtered<T extends object>(records: readonly T[], args: object): T[] {
  const filters = Object.entries(args).filter(([name, wanted]) => wanted != null && !PAGING.has(name));
  return records.filter((record) =>
    filters.every(([name, wanted]) => {
      const value: unknown = record[name as keyof T];
      return Array.isArray(wanted) ? wanted.includes(value) : isWithin(wanted as DateRange, String(value));
    }),
  );
}

function isWithin({ from, to }: DateRange, time: string): boolean {
  const at = Date.parse(time);
  return at >= (from ?? Number.NEGATIVE_INFINITY) && at <= (to ?? Number.POSITIVE_INFINITY);
}
