import { AssertionError } from 'node:assert/strict';
import { inspect, isDeepStrictEqual } from 'node:util';
import type { MessageQueue } from '../../index.js';
import type { Bench } from './bench.js';

/** One promise of a queue: the method whose documentation makes it, a sentence, and what checks it. */
export interface QueueCase {
  readonly method: keyof MessageQueue;
  readonly name: string;
  readonly check: (queue: MessageQueue, bench: Bench) => Promise<void>;
}

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

/** @returns the error of a case, with the promise and the place of its documentation. */
export function brokenPromise({ method, name }: QueueCase, error: unknown): Error {
  const place = `The contract: the queue ${name}.
It is documented at MessageQueue.${method} (in the declarations and their editor tips), and explained in
docs/extending/how-to.md, "Use another broker".`;
  if (!(error instanceof AssertionError)) {
    return new Error(`The queue threw where it should not: ${shown(error)}\n${place}`, { cause: error });
  }
  const { message, actual, expected } = error;
  return new AssertionError({ message: `${message}.\n${place}`, actual, expected });
}

function shown(value: unknown): string {
  return value instanceof Error ? String(value) : inspect(value, { depth: 6, breakLength: 100 });
}
