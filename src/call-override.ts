import { ConnectorError, TransientError, asError } from './errors.js';
import { onAbort } from './on-abort.js';
import { withoutPersonalData } from './personal-data.js';

/** Code of the errors that {@link callOverride} makes of what it did not expect. */
export const UNEXPECTED = 'Unexpected';

/**
 * Calls a method of a class that may be a partner's override. Anything that it throws becomes an error that
 * names the class and the method. The connector's own errors pass unchanged. The call is abandoned when the
 * signal is aborted, and the error names the method that did not answer.
 *
 * @throws TransientError with the original error as its cause.
 */
export function callOverride<T>(
  owner: object,
  method: string,
  call: () => T | Promise<T>,
  signal?: AbortSignal,
): Promise<T> {
  // Each notification makes a dozen of these calls, and most take less time than the promises of an async function.
  return new Promise((resolve, reject) => {
    const fail = (error: unknown): void => reject(explained(owner, method, error, signal));
    if (signal?.aborted) {
      fail(signal.reason);
      return;
    }
    const stop = signal && onAbort(signal, () => fail(signal.reason));
    promiseOf(call).then(
      (value) => {
        stop?.();
        resolve(value);
      },
      (error: unknown) => {
        stop?.();
        fail(error);
      },
    );
  });
}

function promiseOf<T>(call: () => T | Promise<T>): Promise<T> {
  try {
    return Promise.resolve(call());
  } catch (error) {
    return Promise.reject(error);
  }
}

function explained(owner: object, method: string, error: unknown, signal: AbortSignal | undefined): Error {
  if (error === signal?.reason && error instanceof TransientError) {
    const message = `${error.message}; it waited for ${nameOf(owner)}.${method}()`;
    return new TransientError(message, { code: error.code });
  }
  return asConnectorError(owner, method, error);
}

/** @returns the connector's own errors unchanged; for any other error one that names the class that threw it. */
export function asConnectorError(owner: object, method: string, error: unknown): Error {
  if (error instanceof ConnectorError) return error;
  return new TransientError(`${nameOf(owner)}.${method}() failed: ${describe(error)}`, {
    code: UNEXPECTED,
    cause: error,
  });
}

/** @returns the error for a return value that cannot be used. */
export function invalidReturn(owner: object, method: string, expected: string): TransientError {
  return new TransientError(`${nameOf(owner)}.${method}() returned ${expected}`, { code: 'InvalidReturn' });
}

/** @returns the class name of an instance, for messages. */
export function nameOf(instance: object): string {
  return instance.constructor?.name ?? 'an object without a class';
}

function describe(thrown: unknown): string {
  const { name, message } = asError(thrown);
  return withoutPersonalData(thrown instanceof Error ? `${name}: ${message}` : message);
}
