/** The time up to which reconciliation has seen the updates of an account. */
export interface Watermark {
  /** The time of the newest seen update, by Fluent's clock. */
  readonly seenUntil: Date;
  /** When reconciliation saw it, by our clock. */
  readonly reachedAt: Date;
}

/** What reconciliation remembers between its searches. */
export abstract class ReconciliationState {
  /**
   * Runs `look` if no other replica does and the last search began at least `intervalMs` ago. It aborts the signal when
   * another replica has taken the turn.
   *
   * @returns whether it was this replica's turn.
   */
  abstract takeTurn(intervalMs: number, look: (signal: AbortSignal) => Promise<void>): Promise<boolean>;

  /** @returns the watermark, or undefined before the first order of the account was seen. */
  abstract watermark(accountId: string): Promise<Watermark | undefined>;

  abstract setWatermark(accountId: string, watermark: Watermark): Promise<void>;

  /** Records that reconciliation has seen all updates of an account up to `at` (our clock). */
  abstract setLookedAt(accountId: string, at: Date): Promise<void>;

  /**
   * @returns for each account how many milliseconds ago its last complete search began. For an account without one, the
   * time counts from the first call.
   */
  abstract agesMs(accountIds: readonly string[]): Promise<ReadonlyMap<string, number>>;
}
