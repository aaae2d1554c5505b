import { CircuitOpenError, ConfigurationError, ConnectorError } from '../errors.js';
import { QueueUnavailableError } from '../delivery/index.js';
import type { FluentClient, UpdatedFluentOrder } from '../fluent/index.js';
import { OutageError } from '../transport/index.js';

/** No order is updated this far ahead of our clock, even if Fluent's clock is ahead. */
export const AHEAD_MS = 86_400_000;
/**
 * How many unreadable windows are divided. It takes about 25 divisions to find one unreadable order. If nothing is
 * readable, the search must end.
 */
const MAX_DIVISIONS = 100;

/** A range of `updatedOn` in milliseconds since the epoch, both ends included. */
export interface UpdateWindow {
  readonly from: number;
  readonly to: number;
}

/** What is done with the orders of a window. */
export interface WindowWork {
  /** Called once for each readable window. It must consume `orders`. Its own errors end the search. */
  readonly read: (orders: AsyncIterable<UpdatedFluentOrder>, window: UpdateWindow) => Promise<void>;
  /** Called for a time whose orders Fluent cannot answer with, although it answers otherwise. */
  readonly skip: (at: number, error: unknown) => Promise<void>;
  readonly onPage?: () => void;
}

/** Reads the updated orders of one account. It narrows unreadable windows down, and skips the rest. */
export class UpdateWindows {
  private divisions = 0;

  constructor(
    private readonly fluent: FluentClient,
    private readonly accountId: string,
    private readonly startedAt: number,
    private readonly signal: AbortSignal,
  ) {}

  /** @throws the error of Fluent, when it concerns more than a few orders, or of `work`. */
  async read(window: UpdateWindow, work: WindowWork): Promise<void> {
    const { from, to } = window;
    const { signal } = this;
    const options = { signal, until: new Date(to), onPage: work.onPage };
    try {
      await work.read(this.fluent.ordersUpdatedSince(this.accountId, new Date(from), options), window);
    } catch (error) {
      signal.throwIfAborted();
      const isHere = !isTrouble(error) && (await this.answersOtherwise());
      if (!isHere || this.divisions >= MAX_DIVISIONS) throw error;
      this.divisions++;
      if (from === to) return work.skip(from, error);
      const middle = Math.floor((from + to) / 2);
      await this.read({ from, to: middle }, work);
      await this.read({ from: middle + 1, to }, work);
    }
  }

  /** @returns whether Fluent answers a question about a time without orders, so that the window is the reason. */
  private async answersOtherwise(): Promise<boolean> {
    const emptyTime = new Date(this.startedAt + 2 * AHEAD_MS);
    const options = { signal: this.signal, until: emptyTime };
    try {
      for await (const _ of this.fluent.ordersUpdatedSince(this.accountId, emptyTime, options)) break;
      return true;
    } catch {
      // The caller throws the first error, which has the same cause.
      return false;
    }
  }
}

/** Whether the failure is not about the orders of the window, so that other windows would also fail. */
function isTrouble(error: unknown): boolean {
  return (
    !(error instanceof ConnectorError) ||
    error instanceof OutageError ||
    error instanceof CircuitOpenError ||
    error instanceof ConfigurationError ||
    error instanceof QueueUnavailableError
  );
}
