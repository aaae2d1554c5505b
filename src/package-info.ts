import { readFileSync } from 'node:fs';

/** Name and version of this package. One level up is its root from src/ and from dist/ alike. */
export const { name: PACKAGE_NAME, version: PACKAGE_VERSION } = JSON.parse(
  readFileSync(new URL('../package.json', import.meta.url), 'utf8'),
) as { name: string; version: string };
