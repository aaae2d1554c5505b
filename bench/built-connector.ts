import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { Launch } from '../test/support/connector-process.js';

/** What the image sets, on which memory and CPU depend. */
const IMAGE_VARIABLES = ['MALLOC_ARENA_MAX=1'];
const IMAGE_OPTIONS = ['--max-semi-space-size=32'];

/** @returns how the build in a folder is started, as in the image: from the bundle, if the build has one. */
export function builtConnector(cwd = process.cwd()): Launch {
  const main = ['dist/bundle/main.js', 'dist/main.js'].find((path) => existsSync(join(cwd, path)));
  const node = [process.execPath, ...IMAGE_OPTIONS, main ?? 'dist/main.js'];
  return { command: ['/usr/bin/env', ...IMAGE_VARIABLES, ...node], cwd };
}
