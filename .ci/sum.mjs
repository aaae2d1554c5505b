// Adds up the reports of all suites (Vitest's JSON) and the steps that failed: node sum.mjs FOLDER FAILED_STEPS
import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';

const [folder, failedSteps] = [process.argv[2], Number(process.argv[3])];
const reports = readdirSync(folder)
  .filter((name) => name.endsWith('.json'))
  .map((name) => JSON.parse(readFileSync(join(folder, name), 'utf8')));
const sum = (field) => reports.reduce((total, report) => total + report[field], 0);

const passed = sum('numPassedTests');
const skipped = sum('numPendingTests') + sum('numTodoTests');
// A skipped check is no check, and a step can fail without a test (lint, types, an unhandled error).
const failed = sum('numFailedTests') + skipped + (sum('numFailedTests') > 0 ? 0 : failedSteps);
if (skipped > 0) console.log(`${skipped} tests were skipped; in CI that counts as failed`);
console.log(`${passed} passed, ${failed} failed`);
process.exit(failed > 0 || failedSteps > 0 || passed === 0 ? 1 : 0);
