import type { Logger } from 'pino';

const MAKE = Symbol('make');

interface LazilyLogging {
  [MAKE]: () => Logger;
}

/** All objects share it. V8 gives an object with a getter of its own a hidden class of its own, and reads it slowly. */
const LOGGER = {
  enumerable: true,
  configurable: true,
  get(this: LazilyLogging): Logger {
    return this[MAKE]();
  },
};

/**
 * Adds the property `logger`. Few runs log anything, and a child logger costs more than most of what a run does.
 *
 * @param make is called whenever the property is read. A copy of the object has the logger itself.
 */
export function withLazyLogger<T extends object>(
  target: T,
  make: () => Logger,
): T & { readonly logger: Logger } {
  Object.defineProperty(target, MAKE, { value: make });
  return Object.defineProperty(target, 'logger', LOGGER) as T & { readonly logger: Logger };
}
