import type { RunReport } from '../delivery/index.js';

/** What is kept of one notification of an order: its acceptance, and how it ended, or failed last. Its texts are bounded. */
export interface StoryEntry {
  readonly notificationId: string;
  readonly name: string;
  /** The status that the notification announced. */
  readonly announced?: string;
  /** Milliseconds since the epoch. */
  readonly acceptedAt: number;
  /** When {@link outcome} came, in milliseconds since the epoch. */
  readonly at: number;
  readonly outcome: 'accepted' | RunReport['outcome'];
  readonly attempt: number;
  readonly error?: { readonly name: string; readonly message: string };
  /** What the handler said of its run: small, and without personal data. */
  readonly details?: Readonly<Record<string, unknown>>;
  /** What the queue calls it, while it is a dead letter. */
  readonly deadLetterId?: string;
  /** Of a dead letter: a run of the same key heals it. */
  readonly coalesceKey?: string;
  /** When a later run of the same key healed the dead letter, in milliseconds since the epoch. */
  readonly healedAt?: number;
}

/** The order that an entry belongs to: its ref, or `#` and Fluent's id when the notification did not tell the ref. */
export interface StoryKey {
  readonly accountId: string;
  readonly order: string;
}

/** Keeps what happened to each order, for people: bounded in time and memory, and never needed for correctness. */
export abstract class OrderStories {
  /**
   * Keeps an entry, in a moment. Never throws and never waits: a story is worth less than the work that it tells of.
   *
   * @param heals the coalesce key of a run that has done what earlier dead letters of this key are for.
   */
  abstract add(key: StoryKey, entry: StoryEntry, heals?: string): void;

  /**
   * @returns the entries of an order, oldest first. The last one about a notification counts: a dead letter that was replayed
   * leaves an earlier one.
   * @throws Error when the store does not answer.
   */
  abstract read(key: StoryKey): Promise<readonly StoryEntry[]>;
}
