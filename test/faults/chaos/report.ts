/** One line of the table that `npm run test:chaos` prints; a case that does not hold is told by its test. */
export function report(subject: string, name: string, durationMs: number): void {
  process.stdout.write(`| ${subject} | ${name} | held | ${(durationMs / 1000).toFixed(1)} s |\n`);
}
