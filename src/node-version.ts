import { ConfigurationError } from './errors.js';

/** The first release of each line without CVE-2026-21717: a small JSON text could stall Node for many seconds. */
const FIRST_PATCHED: Readonly<Record<number, readonly [minor: number, patch: number]>> = {
  20: [20, 2],
  22: [22, 2],
  24: [14, 1],
  25: [8, 2],
};
const FIRST_LINE_NOT_AFFECTED = 26;
/** Release lines that get no more security fixes. They still start, with a warning. */
const END_OF_LIFE: ReadonlySet<number> = new Set([20, 25]);
/** Dependencies, such as Nest's file-type, no longer support it, so `engines` does not name it either. */
const NOT_SUPPORTED = 20;

/** For messages. `engines` in package.json says the same. */
const SUPPORTED = Object.entries(FIRST_PATCHED)
  .filter(([major]) => Number(major) !== NOT_SUPPORTED)
  .map(([major, [minor, patch]]) => `${major}.${minor}.${patch}`)
  .join(', ');

/**
 * Refuses versions of Node with known vulnerabilities that a stranger can use.
 *
 * @param version without a leading `v`.
 * @returns a warning when the version is at its end of life.
 * @throws ConfigurationError that names the version and the supported ones.
 */
export function checkNodeVersion(version = process.versions.node): string | undefined {
  const [major = 0, minor = 0, patch = 0] = version.split('.').map((part) => Number.parseInt(part, 10));
  const first = FIRST_PATCHED[major];
  const isPatched = first
    ? minor > first[0] || (minor === first[0] && patch >= first[1])
    : major >= FIRST_LINE_NOT_AFFECTED;
  if (!isPatched) {
    throw new ConfigurationError(
      `Node ${version} has known vulnerabilities that a single request can use (CVE-2026-21717). ` +
        `Use ${SUPPORTED} or a later release of these lines.`,
    );
  }
  return END_OF_LIFE.has(major)
    ? `Node ${major} is at its end of life and gets no security fixes; use Node 24`
    : undefined;
}
