import { spawnSync } from 'node:child_process';

const version = spawnSync('promtool', ['--version'], { encoding: 'utf8' });

/** Whether Prometheus' own checker is on PATH; CI must have it. */
export const hasPromtool = version.status === 0;

/** Says that checks are skipped; fails a run in CI that would skip them without anybody noticing. */
export function requirePromtoolInCi(): void {
  if (hasPromtool) return;
  const missing =
    "promtool is not on PATH (Debian's package prometheus has it, .ci/install-promtool gets it)";
  if (process.env['CI']) throw new Error(missing);
  process.stderr.write(`SKIPPED: the checks by promtool; ${missing}\n`);
}

/** Runs promtool. @returns what it complained about and its exit code, 0 when all is well. */
export function promtool(args: readonly string[], input = ''): { status: number | null; output: string } {
  const { status, stdout, stderr } = spawnSync('promtool', args, {
    input,
    encoding: 'utf8',
    timeout: 120_000,
  });
  return { status, output: stdout + stderr };
}
