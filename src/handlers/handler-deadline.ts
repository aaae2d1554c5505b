import { setMaxListeners } from 'node:events';
import { ConnectorError, TransientError } from '../errors.js';

/** After the signal: how long a handler has that honours it, to end in its own way. */
const GRACE_MS = 500;

/**
 * Runs a handler until its time is up. Then its signal is aborted, and soon after the run fails, whether
 * the handler ends or not; what a handler does that hangs on nobody can stop.
 *
 * @param parent the signal of the shutdown, which is passed on.
 * @throws TransientError when the time is up.
 */
export async function withDeadline<T>(
  className: string,
  timeoutMs: number,
  parent: AbortSignal,
  run: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const own = new AbortController();
  const passOn = (): void => own.abort(parent.reason);
  // All running handlers listen to the one shutdown; that is no leak.
  setMaxListeners(0, parent);
  if (parent.aborted) passOn();
  else parent.addEventListener('abort', passOn, { once: true });

  const timers: NodeJS.Timeout[] = [];
  let timeUp: TransientError | undefined;
  const tooLate = new Promise<never>((_, reject) => {
    const end = (): void => {
      timeUp = new TransientError(
        `${className} did not finish within ${timeoutMs} ms; make it faster, or raise its timeoutMs`,
        { code: 'Timeout' },
      );
      own.abort(timeUp);
      timers.push(setTimeout(reject, GRACE_MS, timeUp));
    };
    timers.push(setTimeout(end, timeoutMs));
  });
  try {
    return await Promise.race([run(own.signal), tooLate]);
  } catch (error) {
    // What an aborted fetch throws says nothing of the reason.
    throw timeUp && own.signal.reason === timeUp && !(error instanceof ConnectorError) ? timeUp : error;
  } finally {
    for (const timer of timers) clearTimeout(timer);
    parent.removeEventListener('abort', passOn);
  }
}
