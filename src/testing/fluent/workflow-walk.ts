import { setTimeout as delay } from 'node:timers/promises';
import { SeededRandom } from '../seeded-random.js';
import type { FluentOrderRecord } from './fluent-state.js';
import type { WebhookOutcome, WebhookSender } from './webhook-sender.js';

/** One webhook payload as the emulator makes it. */
export type EmulatedNotification = Readonly<Record<string, unknown>> & { readonly id: string };

/** The part of the emulator that a walk moves. */
export interface WalkedAccount {
  readonly webhooks: WebhookSender;
  order(id: string): FluentOrderRecord | undefined;
  setStatus(orderId: string, status: string): FluentOrderRecord;
  notification(orderId: string, overrides: Readonly<Record<string, unknown>>): EmulatedNotification;
}

/** How an order is led through its workflow, and what goes wrong with its webhooks on the way. */
export interface WalkOptions {
  /** Between two steps, in milliseconds: fixed, or drawn from a range that includes both ends. 0 by default. */
  pauseMs?: number | readonly [min: number, max: number];
  /** Fraction of webhooks that are sent twice, from 0 to 1. 0 by default, as of the fractions below. */
  duplicates?: number;
  /** Fraction of webhooks that leave only after the next step's. */
  reorders?: number;
  /** Fraction of webhooks that are answered before Fluent has written the status they announce. */
  overtakes?: number;
  /** Fraction of webhooks that are never sent. */
  drops?: number;
  /** The source of all chances. Its seed makes a walk repeatable. By default, every walk has the same chances. */
  random?: SeededRandom;
  /** Ends the walk before its next step. */
  signal?: AbortSignal;
}

/** What a walk did. */
export interface WalkResult {
  /** How many statuses were written. */
  readonly steps: number;
  /** How many webhooks were never sent. */
  readonly dropped: number;
  /** What became of each webhook that was sent, duplicates included. */
  readonly webhooks: readonly WebhookOutcome[];
}

/** Leads one order through its workflow; see `FluentEmulator.walk`. */
export async function walkOrder(
  fluent: WalkedAccount,
  orderId: string,
  statuses: readonly string[],
  options: WalkOptions,
): Promise<WalkResult> {
  const { pauseMs = 0, duplicates = 0, reorders = 0, overtakes = 0, drops = 0, signal } = options;
  const random = options.random ?? new SeededRandom();
  const sending: Promise<WebhookOutcome>[] = [];
  let heldBack: EmulatedNotification | undefined;
  let steps = 0;
  let dropped = 0;

  const sendOnceOrTwice = async (notification: EmulatedNotification): Promise<void> => {
    if (fluent.webhooks.url === undefined) return;
    const first = fluent.webhooks.send(notification);
    sending.push(first);
    if (random.chance(duplicates)) sending.push(fluent.webhooks.send(notification));
    await first;
  };

  const remaining = statuses[0] === fluent.order(orderId)?.status ? statuses.slice(1) : statuses;
  for (const status of remaining) {
    if (signal?.aborted) break;
    if (steps > 0) await delay(typeof pauseMs === 'number' ? pauseMs : random.integer(...pauseMs));
    const late = heldBack;
    heldBack = undefined;
    const notification = fluent.notification(orderId, { entityStatus: status });
    if (random.chance(drops)) {
      fluent.setStatus(orderId, status);
      dropped += 1;
    } else if (random.chance(overtakes)) {
      await sendOnceOrTwice(notification);
      fluent.setStatus(orderId, status);
    } else {
      fluent.setStatus(orderId, status);
      if (random.chance(reorders)) heldBack = notification;
      else void sendOnceOrTwice(notification);
    }
    steps += 1;
    if (late) void sendOnceOrTwice(late);
  }
  if (heldBack) void sendOnceOrTwice(heldBack);
  return { steps, dropped, webhooks: await Promise.all(sending) };
}
