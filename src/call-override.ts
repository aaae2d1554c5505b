import { ConnectorError, TransientError, asError } from './errors.js';
import { type Abortable, abortablesOf } from './on-abort.js';
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
  if (!signal) {
    return promiseOf(call).catch((error: unknown) => {
      throw asConnectorError(owner, method, error);
    });
  }
  return new Promise((resolve, reject) => {
    const waiting = new WaitingCall(owner, method, signal, reject);
    if (signal.aborted) {
      waiting.abort(signal.reason);
      return;
    }
    const all = abortablesOf(signal);
    all.add(waiting);
    promiseOf(call).then(
      (value) => {
        all.delete(waiting);
        resolve(value);
      },
      (error: unknown) => {
        all.delete(waiting);
        waiting.abort(error);
      },
    );
  });
}

/** A call that has not ended. */
class WaitingCall implements Abortable {
  constructor(
    private readonly owner: object,
    private readonly method: string,
    private readonly signal: AbortSignal,
    private readonly reject: (error: Error) => void,
  ) {}

  /** @param error why it ends: what it threw, or the reason of the signal. */
  abort(error: unknown): void {
    this.reject(this.explained(error));
  }

  private explained(error: unknown): Error {
    if (error === this.signal.reason && error instanceof TransientError) {
      const message = `${error.message}; it waited for ${nameOf(this.owner)}.${this.method}()`;
      return new TransientError(message, { code: error.code });
    }
    return asConnectorError(this.owner, this.method, error);
  }
}

/** Calls what may throw instead of returning a promise that rejects. */
export function promiseOf<T>(call: () => T | Promise<T>): Promise<T> {
  try {
    return Promise.resolve(call());
  } catch (error) {
    return Promise.reject(error);
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
