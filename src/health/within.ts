import { TimeoutStrategy, fallback, handleAll, timeout, wrap } from 'cockatiel';

/** @returns the result of `call`, or `otherwise` when the call failed or took longer than `timeoutMs`. */
export async function within<T, U>(timeoutMs: number, call: () => Promise<T>, otherwise: U): Promise<T | U> {
  return wrap(fallback(handleAll, otherwise), timeout(timeoutMs, TimeoutStrategy.Aggressive)).execute(call);
}
