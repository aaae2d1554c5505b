export function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;
}

/** @returns how often each side of a comparison takes its turn: `BENCH_ROUNDS`, 3 by default. */
export function rounds(): number {
  return Number(process.env['BENCH_ROUNDS'] ?? 3);
}
