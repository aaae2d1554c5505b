/** What waits for something that may be aborted. */
export interface Abortable {
  /** Ends the wait. It must not throw. */
  abort(reason: unknown): void;
}

const waiting = new WeakMap<AbortSignal, Set<Abortable>>();

/**
 * All that wait on a signal share one event listener, which costs much more than an entry of a set, and of which Node reports
 * more than ten as a leak.
 *
 * @param signal one that is not aborted yet.
 * @returns those whose wait ends when the signal is aborted. Add what waits, and delete it when its wait is over.
 */
export function abortablesOf(signal: AbortSignal): Set<Abortable> {
  let known = waiting.get(signal);
  if (!known) {
    const added = new Set<Abortable>();
    waiting.set(signal, (known = added));
    const abortAll = (): void => {
      for (const each of added) each.abort(signal.reason);
    };
    signal.addEventListener('abort', abortAll, { once: true });
  }
  return known;
}

/**
 * Calls `listener` once: when the signal is aborted, or at once if it is already.
 *
 * @param listener must not throw.
 * @returns what takes the listener away again.
 */
export function onAbort(signal: AbortSignal, listener: () => void): () => void {
  if (signal.aborted) {
    listener();
    return () => undefined;
  }
  const all = abortablesOf(signal);
  const own: Abortable = { abort: listener };
  all.add(own);
  return () => all.delete(own);
}
