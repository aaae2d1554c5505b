import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';

/**
 * For applications that specs start: imports a package of the build, or of its bundle. See `bundle-connector.ts`.
 *
 * @param {string} path below `dist`.
 */
export const builtPackage = (path) =>
  import(pathToFileURL(resolve(process.env.CONNECTOR_BUILD ?? 'dist', path)).href);
