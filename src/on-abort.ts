const listeners = new WeakMap<AbortSignal, Set<() => void>>();

/**
 * Calls `listener` once: when the signal is aborted, or at once if it is already. All listeners of a signal share one event
 * listener, which costs much more than an entry of a set, and of which Node reports more than ten as a leak.
 *
 * @param listener must not throw.
 * @returns what takes the listener away again.
 */
export function onAbort(signal: AbortSignal, listener: () => void): () => void {
  if (signal.aborted) {
    listener();
    return () => undefined;
  }
  let known = listeners.get(signal);
  if (!known) {
    const added = new Set<() => void>();
    listeners.set(signal, (known = added));
    const callAll = (): void => {
      for (const each of added) each();
    };
    signal.addEventListener('abort', callAll, { once: true });
  }
  const own = known;
  // The same function may listen twice.
  const entry = (): void => listener();
  own.add(entry);
  return () => own.delete(entry);
}
