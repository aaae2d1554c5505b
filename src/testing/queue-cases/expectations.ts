import { AssertionError } from 'node:assert/strict';
import { inspect, isDeepStrictEqual } from 'node:util';

/** @throws AssertionError when two values differ; it says what was looked at, what was expected, and what was found. */
export function expectSame(what: string, actual: unknown, expected: unknown): void {
  if (isDeepStrictEqual(actual, expected)) return;
  const message = `${what}: expected ${shown(expected)}, found ${shown(actual)}`;
  throw new AssertionError({ message, actual, expected });
}

/** @throws AssertionError when a condition does not hold. */
export function expectThat(what: string, condition: boolean, found?: unknown): asserts condition {
  if (condition) return;
  throw new AssertionError({ message: found === undefined ? what : `${what}; found ${shown(found)}` });
}

/** @returns a value as text for a message. */
export function shown(value: unknown): string {
  return value instanceof Error ? String(value) : inspect(value, { depth: 6, breakLength: 100 });
}
