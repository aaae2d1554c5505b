/** What a benchmark measured, as a row of the table. What a row leaves out, it did not measure. */
export interface Row {
  readonly what: string;
  /** Notifications a second. */
  readonly perSecond?: number;
  /** The figure beside its baseline, and what that is. */
  readonly beside?: string;
  /** µs of CPU for each notification: of the process that is measured. */
  readonly cpuMicros?: number;
  /** µs of CPU for each notification: of Redis. */
  readonly redisMicros?: number;
  /** HTTP requests to Fluent and commercetools for each notification. */
  readonly upstreamCalls?: number;
  /** Times that Redis read from a connection, for each notification. */
  readonly roundTrips?: number;
  /** From the moment at which a notification was due, in ms. */
  readonly latency?: { readonly p50Ms: number; readonly p99Ms: number };
  /** The most resident memory of the process that is measured. */
  readonly peakMb?: number;
  readonly note?: string;
}

export const TABLE_HEAD = [
  '| what | per second | beside its baseline | CPU µs | CPU µs of Redis | upstream calls | Redis round trips | p50, p99 ms | peak MB | notes |',
  '| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |',
].join('\n');

/** @returns the row as a line of the table under {@link TABLE_HEAD}. */
export function lineOf(row: Row): string {
  const { latency } = row;
  const cells = [
    row.what,
    row.perSecond?.toFixed(0),
    row.beside,
    row.cpuMicros?.toFixed(0),
    row.redisMicros?.toFixed(0),
    row.upstreamCalls?.toFixed(2),
    row.roundTrips?.toFixed(2),
    latency && `${latency.p50Ms.toFixed(1)}, ${latency.p99Ms.toFixed(1)}`,
    row.peakMb?.toFixed(0),
    row.note,
  ];
  return `| ${cells.map((cell) => cell ?? '').join(' | ')} |`;
}
