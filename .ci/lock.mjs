// Fails when npm could install something that package-lock.json does not vouch for, or only from one address:
// node .ci/lock.mjs [FILE]
import { readFileSync } from 'node:fs';

const path = process.argv[2] ?? 'package-lock.json';
const { '': _root, ...packages } = JSON.parse(readFileSync(path, 'utf8')).packages;

const problems = Object.entries(packages).flatMap(([name, { integrity, resolved }]) => [
  ...(/^sha512-[\w+/]{86}==$/.test(integrity ?? '') ? [] : [`${name} has no SHA-512 integrity`]),
  ...(resolved === undefined ? [] : [`${name} has an address`]),
]);
for (const problem of problems) console.error(`${path}: ${problem}`);
if (problems.length > 0) {
  console.error(
    'Run `npm install --omit-lockfile-registry-resolved` with a registry that has every platform.',
  );
  process.exit(1);
}
console.log(
  `${Object.keys(packages).length} packages in ${path}, each with its integrity and without an address`,
);
