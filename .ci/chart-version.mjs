// npm runs it within `npm version`: gives the chart, the program that it installs, and the package that creates projects
// the version of the package.
import { readFileSync, writeFileSync } from 'node:fs';

const CHART = 'helm/fluent-commercetools-connector/Chart.yaml';
const { version } = JSON.parse(readFileSync('package.json', 'utf8'));
const chart = readFileSync(CHART, 'utf8');
const changed = chart.replace(/^(version|appVersion): .*$/gm, `$1: ${version}`);
if (changed.match(new RegExp(`ersion: ${version}$`, 'gm'))?.length !== 2) {
  throw new Error(`${CHART} must have one line with version and one with appVersion`);
}
writeFileSync(CHART, changed);

const CREATE = 'create/package.json';
writeFileSync(
  CREATE,
  `${JSON.stringify({ ...JSON.parse(readFileSync(CREATE, 'utf8')), version }, null, 2)}\n`,
);
