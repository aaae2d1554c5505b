import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { Launch } from '../test/support/connector-process.js';

/** What the image sets, on which memory and CPU depend. */
const IMAGE_VARIABLES = ['MALLOC_ARENA_MAX=1'];
const IMAGE_SEMI_SPACE_MB = 16;
/** What docs/operations.md recommends for a worker with many slots. */
const MANY_SLOTS = 128;
const MANY_SLOTS_SEMI_SPACE_MB = 32;

/**
 * @param slots of a worker.
 * @returns how the build in a folder is started, as in the image: from the bundle, if the build has one.
 */
export function builtConnector({ cwd = process.cwd(), slots = 1 } = {}): Launch {
  const main = ['dist/bundle/main.js', 'dist/main.js'].find((path) => existsSync(join(cwd, path)));
  const semiSpaceMb = slots >= MANY_SLOTS ? MANY_SLOTS_SEMI_SPACE_MB : IMAGE_SEMI_SPACE_MB;
  const node = [process.execPath, `--max-semi-space-size=${semiSpaceMb}`, main ?? 'dist/main.js'];
  return { command: ['/usr/bin/env', ...IMAGE_VARIABLES, ...node], cwd };
}
