// npm runs it within `npm version`: gives the chart, and the program that it installs, the version of the package.
import { readFileSync, writeFileSync } from 'node:fs';

const CHART = 'helm/fluent-commercetools-connector/Chart.yaml';
const { version } = JSON.parse(readFileSync('package.json', 'utf8'));
const chart = readFileSync(CHART, 'utf8');
const changed = chart.replace(/^(version|appVersion): .*$/gm, `$1: ${version}`);
if (changed.match(new RegExp(`ersion: ${version}$`, 'gm'))?.length !== 2) {
  throw new Error(`${CHART} must have one line with version and one with appVersion`);
}
writeFileSync(CHART, changed);
