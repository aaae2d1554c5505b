import { resolve } from 'node:path';

/** The folder of the build; in specs, of its bundle, see `bundle-connector.ts`. */
const BUILD = resolve(process.env['CONNECTOR_BUILD'] ?? 'dist');

/** What every process of a spec needs; nothing else of the surrounding environment reaches it. */
export const BASE_ENVIRONMENT = { PATH: process.env['PATH'], CONNECTOR_BUILD: BUILD };

/** @param path below the folder of the build, such as `main.js`. */
export function buildPath(path: string): string {
  return resolve(BUILD, path);
}
