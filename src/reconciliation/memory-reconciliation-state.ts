import { ReconciliationState, type Watermark } from './reconciliation-state.js';

/** The state of reconciliation in this process alone, for a connector without Redis. A restart forgets it. */
export class MemoryReconciliationState extends ReconciliationState {
  private readonly watermarks = new Map<string, Watermark>();
  private readonly lookedAt = new Map<string, number>();
  private lastLook = -Infinity;

  override async takeTurn(
    intervalMs: number,
    look: (signal: AbortSignal) => Promise<void>,
  ): Promise<boolean> {
    const startedAt = performance.now();
    if (startedAt - this.lastLook < intervalMs) return false;
    await look(new AbortController().signal);
    this.lastLook = startedAt;
    return true;
  }

  override watermark(accountId: string): Promise<Watermark | undefined> {
    return Promise.resolve(this.watermarks.get(accountId));
  }

  override setWatermark(accountId: string, watermark: Watermark): Promise<void> {
    this.watermarks.set(accountId, watermark);
    return Promise.resolve();
  }

  override setLookedAt(accountId: string, at: Date): Promise<void> {
    this.lookedAt.set(accountId, at.getTime());
    return Promise.resolve();
  }

  override agesMs(accountIds: readonly string[]): Promise<ReadonlyMap<string, number>> {
    const now = Date.now();
    const ages = accountIds.map((accountId): [string, number] => {
      const lookedAt = this.lookedAt.get(accountId) ?? now;
      this.lookedAt.set(accountId, lookedAt);
      return [accountId, Math.max(now - lookedAt, 0)];
    });
    return Promise.resolve(new Map(ages));
  }
}
