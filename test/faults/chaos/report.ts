/** One line of the table that `npm run test:chaos` prints; the test of a failed case reports the failure. */
export function report(subject: string, name: string, durationMs: number): void {
  process.stdout.write(`| ${subject} | ${name} | held | ${(durationMs / 1000).toFixed(1)} s |\n`);
}
