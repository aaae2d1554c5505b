import { ConnectorError, TransientError } from './errors.js';

/** Code of the errors that {@link ask} makes of what it did not expect. */
export const UNEXPECTED = 'Unexpected';

/**
 * Calls a class that may be a partner's. Whatever it throws, also synchronously, also what is no Error,
 * becomes an error that names the class; the connector's own errors say what they mean already. When the
 * signal is aborted the call is given up, and who did not answer is told.
 *
 * @throws TransientError with the original error as its cause.
 */
export async function ask<T>(
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

/** @returns the error as it is when it is the connector's own, else one that names the class that threw it. */
export function asConnectorError(owner: object, method: string, error: unknown): Error {
  if (error instanceof ConnectorError) return error;
  return new TransientError(`${nameOf(owner)}.${method}() failed: ${textOf(error)}`, {
    code: UNEXPECTED,
    cause: error,
  });
}

/** The error for an answer that cannot be worked with. */
export function badAnswer(owner: object, method: string, expected: string): TransientError {
  return new TransientError(`${nameOf(owner)}.${method}() gave ${expected}`, { code: 'BadAnswer' });
}

/** @returns the class of an instance, for messages. */
export function nameOf(instance: object): string {
  return instance.constructor?.name ?? 'an object without a class';
}

function textOf(error: unknown): string {
  if (error instanceof Error) return `${error.name}: ${error.message}`;
  try {
    return String(error);
  } catch {
    return `a ${typeof error} that has no text`;
  }
}
