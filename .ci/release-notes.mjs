// Prints the changelog of the version that the repository has, and fails when its parts are of different versions:
// node .ci/release-notes.mjs [TAG]. Without a tag, which is a dry run, the unreleased changes are printed.
import { readFileSync } from 'node:fs';

const tag = process.argv[2] || undefined;
const read = (path) => readFileSync(path, 'utf8');
const { version } = JSON.parse(read('package.json'));
const lock = JSON.parse(read('package-lock.json'));
const chart = read('helm/fluent-commercetools-connector/Chart.yaml');
const fieldOfChart = (name) => new RegExp(`^${name}: (.*)$`, 'm').exec(chart)?.[1];

const found = {
  'package-lock.json': lock.version,
  'package-lock.json (packages)': lock.packages[''].version,
  'create/package.json': JSON.parse(read('create/package.json')).version,
  'Chart.yaml version': fieldOfChart('version'),
  'Chart.yaml appVersion': fieldOfChart('appVersion'),
  ...(tag === undefined ? {} : { tag: tag.replace(/^v/, '') }),
};
const wrong = Object.entries(found).filter(([, each]) => each !== version);
for (const [where, each] of wrong) console.error(`${where} is ${each}, package.json is ${version}`);

const heading = tag === undefined ? 'Unreleased' : version;
const sections = read('CHANGELOG.md').split(/^## /m);
const [, ...lines] = sections.find((section) => section.startsWith(`[${heading}]`))?.split('\n') ?? [];
const notes = lines.join('\n').trim();
if (notes === '') console.error(`CHANGELOG.md says nothing about ${heading}`);
if (wrong.length > 0 || notes === '') process.exit(1);
console.log(notes);
