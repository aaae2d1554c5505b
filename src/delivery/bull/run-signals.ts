/** Tells Bull to put the job into the delayed set. Not a failure: it carries no stack. */
export class RunLaterSignal extends Error {
  override readonly name = 'RunLater';
  override stack = undefined;

  constructor(readonly delayMs: number) {
    super('run later');
  }
}

/** Tells Bull to keep the job as a dead letter. */
export class DeadLetterSignal extends Error {
  override readonly name = 'DeadLetter';
  override stack = undefined;
}

/** Any other error is Bull's own (Redis went away while it wrote the result): soon again, the work is repeatable. */
const AFTER_BULL_ERROR_MS = 1000;

/** Bull's back-off strategy: what {@link BullMessageQueue} has decided. -1 ends the retries. */
export function backoffOf(_attemptsMade: number, error: Error): number {
  if (error instanceof DeadLetterSignal) return -1;
  return error instanceof RunLaterSignal ? error.delayMs : AFTER_BULL_ERROR_MS;
}
