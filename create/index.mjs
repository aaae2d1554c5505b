#!/usr/bin/env node
// Copies the template into a new folder and gives the project its name. Started by `npm create`.
import { cpSync, existsSync, readFileSync, readdirSync, statSync, writeFileSync } from 'node:fs';
import { basename, join, relative, resolve } from 'node:path';
import { parseArgs } from 'node:util';

const TEMPLATE = join(import.meta.dirname, 'template');
/** npm leaves these out of a package, or treats them as its own, under their real names. */
const RENAMED = { _gitignore: '.gitignore', _dockerignore: '.dockerignore', _github: '.github' };
const USAGE = `Usage: npm create fluent-commercetools-connector@latest FOLDER

Creates a project in FOLDER that extends the Fluent–commercetools connector.
The name of the folder becomes the name of the project: lower-case letters, digits and hyphens.`;

class UsageError extends Error {}

function readFolder() {
  const { values, positionals } = parseArgs({
    options: { help: { type: 'boolean', short: 'h' } },
    allowPositionals: true,
  });
  if (values.help) return undefined;
  const [folder, ...others] = positionals;
  if (folder === undefined || others.length > 0) throw new UsageError('Name one folder.');
  return resolve(folder);
}

function create(folder) {
  const name = basename(folder);
  // The name of an npm package, an image and a Helm release.
  if (!/^[a-z](?:[a-z0-9-]{0,48}[a-z0-9])?$/.test(name)) {
    throw new UsageError(
      `"${name}" cannot be the name of a project. Use at most 50 lower-case letters, digits and hyphens, and begin with a letter.`,
    );
  }
  if (existsSync(folder) && (!statSync(folder).isDirectory() || readdirSync(folder).length > 0)) {
    throw new UsageError(`${folder} is not an empty folder. Name a new one.`);
  }
  const { version } = JSON.parse(readFileSync(join(import.meta.dirname, 'package.json'), 'utf8'));
  const words = { __NAME__: name, __CONNECTOR_VERSION__: version };
  for (const path of readdirSync(TEMPLATE, { recursive: true })) {
    const source = join(TEMPLATE, path);
    if (!statSync(source).isFile()) continue;
    const [first, ...rest] = path.split(/[\\/]/);
    const target = join(folder, RENAMED[first] ?? first, ...rest);
    cpSync(source, target);
    const text = readFileSync(source, 'utf8');
    const filled = text.replaceAll(/__[A-Z_]+__/g, (word) => words[word] ?? word);
    if (filled !== text) writeFileSync(target, filled);
  }
}

try {
  const folder = readFolder();
  if (folder === undefined) {
    console.log(USAGE);
  } else {
    create(folder);
    console.log(`Created ${folder}. Next:

  cd ${relative('', folder) || '.'}
  npm install
  npm test

README.md says how to run it and how to ship it.`);
  }
} catch (error) {
  if (!(error instanceof UsageError) && !String(error?.code).startsWith('ERR_PARSE_ARGS')) throw error;
  console.error(`${error.message}\n\n${USAGE}`);
  process.exitCode = 2;
}
