import { ConnectorError, TransientError, asError } from './errors.js';
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
export async function callOverride<T>(
  owner: object,
  method: string,
  call: () => T | Promise<T>,
  signal?: AbortSignal,
): Promise<T> {
  let giveUp: (() => void) | undefined;
  const given = new Promise<never>((_, reject) => {
    giveUp = () => reject(signal?.reason);
    signal?.addEventListener('abort', giveUp, { once: true });
  });
  try {
    signal?.throwIfAborted();
    return await Promise.race([(async () => call())(), given]);
  } catch (error) {
    if (error === signal?.reason && error instanceof TransientError) {
      throw new TransientError(`${error.message}; it waited for ${nameOf(owner)}.${method}()`, {
        code: error.code,
      });
    }
    throw asConnectorError(owner, method, error);
  } finally {
    if (giveUp) signal?.removeEventListener('abort', giveUp);
  }
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
