import { CircuitState, type IBreaker } from 'cockatiel';

/** How a call ended, as far as the target's health is concerned. */
export type CallEnd = 'ok' | 'outage' | 'fault';

interface Sample {
  readonly end: CallEnd;
  readonly subject: string;
}

const SIZE = 20;
/** A blip in a quiet hour is left to the retries. */
const MIN_CALLS = 10;
/** Outages hit every caller. More than half of the calls is enough. */
const OUTAGE_SHARE = 0.5;
/** Server faults may be the fault of some orders, whose retries come again and again. */
const FAULT_SHARE = 0.8;
const MIN_FAULTY_SUBJECTS = 3;

/**
 * Decides from the last calls to a target whether its circuit opens. The caller records each call before the
 * policy asks, because the policy does not tell a breaker which error it saw.
 */
export class FailureWindow implements IBreaker {
  private samples: Sample[] = [];

  /** Only needed by the library's serialization, which nobody uses here. */
  state: unknown;

  /** @param subject what the call was about; calls about the same thing count as one subject. */
  record(end: CallEnd, subject: string): void {
    this.samples = [...this.samples.slice(1 - SIZE), { end, subject }];
  }

  success(state: CircuitState): void {
    if (state === CircuitState.HalfOpen) this.samples = [];
  }

  failure(state: CircuitState): boolean {
    if (state !== CircuitState.Closed) return true;
    const calls = this.samples.length;
    if (calls < MIN_CALLS) return false;
    const failed = this.samples.filter(({ end }) => end !== 'ok');
    const outages = failed.filter(({ end }) => end === 'outage').length;
    if (outages > OUTAGE_SHARE * calls) return true;
    const subjects = new Set(failed.map(({ subject }) => subject));
    return failed.length > FAULT_SHARE * calls && subjects.size >= MIN_FAULTY_SUBJECTS;
  }
}
