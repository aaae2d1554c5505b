import type { Finding, FindingStatus } from '../doctor/index.js';
import type { Coloured, Output } from './output.js';

const LABELS: Readonly<Record<FindingStatus, Coloured>> = {
  pass: { text: 'pass', colour: 'green' },
  warn: { text: 'WARN', colour: 'yellow' },
  fail: { text: 'FAIL', colour: 'red' },
  skip: { text: 'skip', colour: 'dim' },
};

export async function printFinding(
  { status, subject, message, advice, details = [] }: Finding,
  output: Output,
): Promise<void> {
  await output.line(LABELS[status], `${subject}: ${message}`);
  for (const detail of details) await output.line(`       ${detail}`);
  if (advice !== undefined) await output.line(`     >`, advice);
}

export async function printCounts(findings: readonly Finding[], output: Output): Promise<void> {
  const count = (status: FindingStatus): number => findings.filter((each) => each.status === status).length;
  await output.line();
  await output.line(
    `${count('pass')} passed, ${count('warn')} to look at, ${count('fail')} failed, ${count('skip')} skipped`,
  );
}
