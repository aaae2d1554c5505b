import { AssertionError } from 'node:assert/strict';
import type { MessageQueue } from '../../index.js';
import type { Bench } from './bench.js';
import { shown } from './expectations.js';

/** One promise of a queue: the method whose documentation makes it, a sentence, and what checks it. */
export interface QueueCase {
  readonly method: keyof MessageQueue;
  readonly name: string;
  readonly check: (queue: MessageQueue, bench: Bench) => Promise<void>;
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
