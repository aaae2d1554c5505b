import type { Delivery } from './delivery.js';

/** The waiting notifications of an account: one lane for its webhooks, and one for the background. */
export interface Lane {
  readonly accountId: string;
  /** Reconciled orders, retries and replayed dead letters. */
  readonly background: boolean;
}

/** What the deliveries of a worker hold, so that the next ones are shared out fairly. */
export interface HeldSlots {
  /** Slots by account id; an account that is missing holds none. */
  readonly byAccount: Readonly<Record<string, number>>;
  /** Slots that background deliveries hold, of all accounts. */
  readonly background: number;
  /** How many slots background deliveries may hold while other work waits. */
  readonly backgroundShare: number;
  /** Whether slots stay free for accounts that have nothing waiting yet. */
  readonly reserves: boolean;
}

/** A worker whose slots are all free. */
export const NO_SLOTS_HELD: HeldSlots = { byAccount: {}, background: 0, backgroundShare: 0, reserves: false };

/**
 * Who holds this many times the free slots gets no further one. One alone then leaves a quarter of a worker's slots
 * free, and the next one a quarter of these.
 */
const SLOTS_PER_FREE_SLOT = 3;

/**
 * Decides whose notification gets a free slot: that of the account which holds the fewest. Background work comes
 * first until it has its share, and then only when nothing else may run.
 *
 * @param waiting lanes in which something waits, the one that was served longest ago first.
 * @param free slots that are free, at least one.
 * @returns undefined when what waits must leave the free slots to others.
 */
export function nextLane(
  waiting: readonly Lane[],
  { byAccount, background, backgroundShare, reserves }: HeldSlots,
  free: number,
): Lane | undefined {
  const most = SLOTS_PER_FREE_SLOT * free;
  const heldBy = ({ accountId }: Lane): number => byAccount[accountId] ?? 0;
  const fewest = (isBackground: boolean): Lane | undefined =>
    waiting
      .filter((lane) => lane.background === isBackground && (!reserves || heldBy(lane) < most))
      .toSorted((a, b) => heldBy(a) - heldBy(b))[0];
  const prompt = fewest(false);
  return background < (prompt ? backgroundShare : Math.max(backgroundShare, most))
    ? (fewest(true) ?? prompt)
    : prompt;
}

/** With fewer slots than this, a quarter of them is a quarter of the runs. */
const FEWEST_SHARED_SLOTS = 4;

/** The slots of one worker. */
export class Slots {
  private readonly byAccount = new Map<string, number>();
  private background = 0;
  private inUse = 0;
  private promptRuns = 0;

  /**
   * @param total notifications that run at once.
   * @param reserves see {@link HeldSlots.reserves}.
   */
  constructor(
    private readonly total: number,
    private readonly reserves: boolean,
  ) {}

  get free(): number {
    return this.total - this.inUse;
  }

  get held(): HeldSlots {
    const isShared = this.total >= FEWEST_SHARED_SLOTS;
    const isBackgroundsTurn = this.promptRuns >= FEWEST_SHARED_SLOTS - 1;
    return {
      byAccount: Object.fromEntries(this.byAccount),
      background: this.background,
      backgroundShare: isShared ? Math.floor(this.total / 4) : Number(isBackgroundsTurn),
      reserves: this.reserves,
    };
  }

  /** @returns a function that releases the slot; call it once. */
  hold({ notification: { accountId }, background }: Delivery): () => void {
    this.promptRuns = background ? 0 : this.promptRuns + 1;
    this.add(accountId, background, 1);
    return () => this.add(accountId, background, -1);
  }

  private add(accountId: string, background: boolean, change: 1 | -1): void {
    this.inUse += change;
    if (background) this.background += change;
    const held = (this.byAccount.get(accountId) ?? 0) + change;
    if (held === 0) this.byAccount.delete(accountId);
    else this.byAccount.set(accountId, held);
  }
}
