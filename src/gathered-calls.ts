import { asError } from './errors.js';
import { GatheringLane, type GatheringLimits } from './gathering-lane.js';

/** One caller's item, until the call that it is part of has ended. */
interface Pending<TItem, TReply> {
  readonly item: TItem;
  readonly resolve: (reply: TReply) => void;
  readonly reject: (error: Error) => void;
}

/** Lets what comes while one call is under way share the next one. Each caller is told how its own item ended. */
export class GatheredCalls<TItem, TReply> {
  private readonly lane: GatheringLane<Pending<TItem, TReply>>;

  /** @param callTogether returns the reply to each item, in their order, or the error that concerns it alone. */
  constructor(
    private readonly callTogether: (items: readonly TItem[]) => Promise<readonly (TReply | Error)[]>,
    limits: GatheringLimits,
  ) {
    this.lane = new GatheringLane((pending) => this.deliver(pending), limits);
  }

  /** @throws Error that concerns the item, or the whole call that it shared. */
  call(item: TItem): Promise<TReply> {
    return new Promise((resolve, reject) => this.lane.add({ item, resolve, reject }));
  }

  private async deliver(pending: readonly Pending<TItem, TReply>[]): Promise<void> {
    let replies: readonly (TReply | Error)[];
    try {
      replies = await this.callTogether(pending.map(({ item }) => item));
    } catch (error) {
      for (const { reject } of pending) reject(asError(error));
      return;
    }
    pending.forEach(({ resolve, reject }, index) => {
      const reply =
        index < replies.length
          ? (replies[index] as TReply | Error)
          : new Error('the script returned no result for it');
      if (reply instanceof Error) reject(reply);
      else resolve(reply);
    });
  }
}
