/** A wrong header must not delay work for years. */
const LONGEST_MS = 3_600_000;

/**
 * Reads a Retry-After header, which is either seconds or an HTTP date.
 *
 * @param now milliseconds since the epoch
 * @returns milliseconds from now, at most an hour; undefined when the header is absent or unreadable.
 */
export function parseRetryAfter(header: string | null | undefined, now = Date.now()): number | undefined {
  const text = header?.trim();
  if (!text) return undefined;
  const delayMs = /^\d+$/.test(text) ? Number(text) * 1000 : Date.parse(text) - now;
  return Number.isNaN(delayMs) ? undefined : Math.min(Math.max(delayMs, 0), LONGEST_MS);
}
