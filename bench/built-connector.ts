import type { Launch } from '../test/support/connector-process.js';

/** The options of Node in the image, on which memory and CPU depend. */
const IMAGE_OPTIONS = ['--max-semi-space-size=32'];

/** @returns how the build in a folder is started, as in the image. */
export function builtConnector(cwd = process.cwd()): Launch {
  return { command: [process.execPath, ...IMAGE_OPTIONS, 'dist/main.js'], cwd };
}
