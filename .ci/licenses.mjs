// `npm run licenses`: writes what the package installs as a software bill of materials (CycloneDX) and as a
// list of licences into build/, and fails on a licence that nobody has agreed to. Reads the lock file only.
import { execFileSync } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';

/** Permissive: they ask for a notice, and for nothing of the code that uses them. */
const ALLOWED = new Set([
  '0BSD',
  'Apache-2.0',
  'BSD-2-Clause',
  'BSD-3-Clause',
  'BlueOak-1.0.0',
  'ISC',
  'MIT',
  'Unlicense',
]);
/** Builds for single platforms, whose licence a lock file made on another platform does not know. */
const REVIEWED = [[/^@msgpackr-extract\//, 'MIT']];

const {
  name: packageName,
  dependencies,
  peerDependencies,
} = JSON.parse(readFileSync('package.json', 'utf8'));
const sbom = JSON.parse(
  execFileSync('npm', ['sbom', '--package-lock-only', '--sbom-format=cyclonedx'], {
    encoding: 'utf8',
    maxBuffer: 64 * 1024 * 1024,
    // Standard error is npm's own advice.
    stdio: ['ignore', 'pipe', 'ignore'],
  }),
);
// npm takes the folder's name.
sbom.metadata.component.name = packageName;
// npm's --omit=dev would also leave out what is a development dependency of some dependency.
sbom.components = sbom.components.filter(({ properties = [] }) => !properties.some(isDevelopment));
const kept = new Set([sbom.metadata.component, ...sbom.components].map((component) => component['bom-ref']));
sbom.dependencies = sbom.dependencies
  .filter(({ ref }) => kept.has(ref))
  .map((dependency) => ({ ...dependency, dependsOn: dependency.dependsOn?.filter((ref) => kept.has(ref)) }));
const components = sbom.components.map((component) => ({
  name: component.group ? `${component.group}/${component.name}` : component.name,
  version: component.version,
  licence: licenceOf(component),
}));

// The package that creates projects has its own name and nothing else to license.
const created = JSON.parse(readFileSync('create/package.json', 'utf8'));
const installed = Object.keys({ ...created.dependencies, ...created.peerDependencies });
if (created.license !== 'MIT' || installed.length > 0) {
  console.error('create/package.json: license it under MIT, without dependencies, or add it to this check');
  process.exit(1);
}

const names = new Set(components.map(({ name }) => name));
const missing = Object.keys({ ...dependencies, ...peerDependencies }).filter((name) => !names.has(name));
const refused = components.filter(({ licence }) => !isAllowed(licence));
const report = components
  .map(({ name, version, licence }) => `${licence ?? 'unknown'}\t${name}@${version}`)
  .toSorted();

mkdirSync('build', { recursive: true });
writeFileSync('build/sbom.cdx.json', `${JSON.stringify(sbom, null, 2)}\n`);
writeFileSync('build/licenses.txt', `${report.join('\n')}\n`);

for (const name of missing) console.error(`${name} is missing from the bill of materials`);
for (const { name, version, licence } of refused) {
  console.error(`${name}@${version}: licence ${licence ?? 'unknown'} is not agreed to (.ci/licenses.mjs)`);
}
if (missing.length > 0 || refused.length > 0) process.exit(1);
console.log(`${components.length} packages with agreed licences: build/licenses.txt, build/sbom.cdx.json`);

function isDevelopment({ name, value }) {
  return name === 'cdx:npm:package:development' && value === 'true';
}

function licenceOf({ group, name, licenses = [] }) {
  const fullName = group ? `${group}/${name}` : name;
  const named = licenses.map(({ license, expression }) => expression ?? license?.id ?? license?.name);
  return named.length > 0 ? named.join(' AND ') : REVIEWED.find(([pattern]) => pattern.test(fullName))?.[1];
}

/** @returns whether one of the alternatives of an SPDX expression has only agreed licences. */
function isAllowed(licence = '') {
  const alternatives = licence.replaceAll(/[()]/g, '').split(' OR ');
  return alternatives.some((alternative) =>
    alternative.split(' AND ').every((single) => ALLOWED.has(single.trim())),
  );
}
