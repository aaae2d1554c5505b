import { readFileSync } from 'node:fs';

// Two levels up is the package root from src/ and from dist/ alike, so that no build step has to write the version.
const { name, version } = JSON.parse(
  readFileSync(new URL('../../package.json', import.meta.url), 'utf8'),
) as { name: string; version: string };

/** Names the connector and its version in every request. */
export const USER_AGENT = `${name}/${version}`;
