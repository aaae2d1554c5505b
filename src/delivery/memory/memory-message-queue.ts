import { randomUUID } from 'node:crypto';
import { Injectable } from '@nestjs/common';
import type { FluentNotification } from '../../notification/index.js';
import type { Settlement } from '../decide.js';
import {
  acceptedAtMs,
  type Coverage,
  type Delivery,
  type DeliveryProgress,
  type Failing,
} from '../delivery.js';
import { isSought } from '../entity-search.js';
import { NO_SLOTS_HELD, nextLane, type HeldSlots, type Lane } from '../lanes.js';
import {
  MessageQueue,
  type AccountPause,
  type AddOptions,
  type AddResult,
  type DeadLetter,
  type DeadLetterPage,
  type EntitySearch,
  type LaneCounts,
  type QueueCounts,
  type QueueHealth,
  type SettleResult,
  type UnfinishedSearchResult,
} from '../message-queue.js';

/** The longest wait of one `take`. */
const MAX_WAIT_MS = 5000;
/** How long the id of a finished notification is kept when its handler does not say. */
const DEDUPE_WINDOW_SECONDS = 90_000;

const FORGETS = 'notifications are kept in memory: a restart loses them; use Redis in production';

type State = 'waiting' | 'active' | 'delayed' | 'dead';

interface Entry extends Omit<AddOptions, 'background'> {
  readonly id: string;
  readonly notification: FluentNotification;
  readonly acceptedNumber: number;
  state: State;
  background: boolean;
  dueAtMs: number;
  progress: DeliveryProgress;
  ranUntil?: number;
  /** The target of the open circuit that it waits for. */
  parkedFor?: string;
  diedAtMs?: number;
}

interface Key {
  readonly epoch: string;
  coverage?: Coverage;
  failing?: Failing;
  /** The number when a run that changed something was settled last. */
  changedUntil?: number;
}

/**
 * A queue in the memory of one process, for unit tests of handlers and for trials. It loses everything when the process ends,
 * of which the log at start and the queue's health warn. The start fails with `CONNECTOR_ROLE` ingress or worker, because other
 * processes could not see its notifications.
 */
@Injectable()
export class MemoryMessageQueue extends MessageQueue {
  /** In the order in which they become due. */
  private readonly entries = new Map<string, Entry>();
  private readonly rememberedUntilMs = new Map<string, number>();
  private readonly keys = new Map<string, Key>();
  private readonly wakers = new Set<() => void>();
  private readonly paused = new Map<string, AccountPause>();
  private lastNumber = 0;
  /** When each lane was served last, in turns. */
  private readonly servedAt = new Map<string, number>();
  private turns = 0;

  override add(notification: FluentNotification, options: AddOptions = {}): Promise<AddResult> {
    const id = JSON.stringify([notification.accountId, notification.id]);
    this.forgetOldIds();
    const known = this.entries.get(id);
    const isRemembered = (this.rememberedUntilMs.get(id) ?? 0) > Date.now();
    if (isRemembered || (known && known.state !== 'dead')) return Promise.resolve('duplicate');
    // A dead letter that the sender repeats starts again.
    this.entries.delete(id);
    const acceptedNumber = this.draw();
    const entry: Entry = {
      ...options,
      background: options.background ?? false,
      id,
      notification: structuredClone(notification),
      acceptedNumber,
      state: 'waiting',
      dueAtMs: 0,
      progress: {},
    };
    this.entries.set(id, entry);
    this.wakeTakers();
    return Promise.resolve('accepted');
  }

  override async take(
    max: number,
    signal: AbortSignal,
    held: HeldSlots = NO_SLOTS_HELD,
  ): Promise<readonly Delivery[]> {
    const giveUpAt = performance.now() + MAX_WAIT_MS;
    for (;;) {
      const taken = signal.aborted ? [] : this.takeDue(max, held);
      const leftMs = giveUpAt - performance.now();
      if (taken.length > 0 || this.isAnyDue() || signal.aborted || leftMs <= 0) return taken;
      await this.untilWoken(Math.min(leftMs, this.nextDueInMs()), signal);
    }
  }

  override renew(delivery: Delivery): Promise<Delivery> {
    return Promise.resolve({ ...delivery, ...this.ticket(delivery.coalesceKey) });
  }

  override settle(delivery: Delivery, settlement: Settlement): Promise<SettleResult> {
    const { id } = delivery;
    const isOutrun = this.recordForKey(delivery, settlement);
    const entry = this.entries.get(id);
    if (!entry || entry.state !== 'active') return Promise.resolve('settled');
    if (settlement.action === 'done' && !isOutrun) {
      this.entries.delete(id);
      const { dedupeWindowSeconds = DEDUPE_WINDOW_SECONDS } = settlement;
      this.rememberedUntilMs.set(id, Date.now() + dedupeWindowSeconds * 1000);
      return Promise.resolve('settled');
    }
    // Moves the entry to the end.
    this.entries.delete(id);
    this.entries.set(id, entry);
    if ('run' in settlement && settlement.run) entry.ranUntil = this.draw();
    if (settlement.action === 'dead') {
      entry.progress = settlement.progress;
      entry.state = 'dead';
      entry.diedAtMs = Date.now();
      return Promise.resolve('settled');
    }
    entry.parkedFor = settlement.action === 'defer' ? settlement.error?.target : undefined;
    const isDone = settlement.action === 'done';
    entry.background = isDone ? delivery.background : (settlement.background ?? false);
    entry.progress = isDone ? (settlement.ifOutrun ?? {}) : settlement.progress;
    entry.state = 'delayed';
    entry.dueAtMs = Date.now() + (isDone ? 0 : settlement.delayMs);
    this.wakeTakers();
    return Promise.resolve(isDone ? 'outrun' : 'settled');
  }

  override wake(target: string): Promise<void> {
    for (const entry of this.entries.values()) {
      if (entry.parkedFor === target) entry.dueAtMs = 0;
    }
    this.wakeTakers();
    return Promise.resolve();
  }

  override pause(accountId: string, pause: AccountPause): Promise<AccountPause> {
    const holds = this.paused.get(accountId) ?? pause;
    this.paused.set(accountId, holds);
    return Promise.resolve(holds);
  }

  override resume(accountId: string): Promise<boolean> {
    const wasPaused = this.paused.delete(accountId);
    this.wakeTakers();
    return Promise.resolve(wasPaused);
  }

  override pauses(): Promise<ReadonlyMap<string, AccountPause>> {
    return Promise.resolve(new Map(this.paused));
  }

  override lanes(): Promise<readonly LaneCounts[]> {
    const lanes = new Map<string, { -readonly [K in keyof LaneCounts]: LaneCounts[K] }>();
    for (const entry of this.entries.values()) {
      if (entry.state === 'dead') continue;
      const { accountId } = entry.notification;
      const counts = lanes.get(accountId) ?? {
        accountId,
        waiting: 0,
        background: 0,
        running: 0,
        delayed: 0,
        oldestUnfinishedAt: new Date(acceptedAtMs(entry)),
      };
      lanes.set(accountId, counts);
      if (entry.state === 'waiting') counts[entry.background ? 'background' : 'waiting']++;
      else counts[entry.state === 'active' ? 'running' : 'delayed']++;
      const acceptedAt = new Date(acceptedAtMs(entry));
      if (acceptedAt < counts.oldestUnfinishedAt!) counts.oldestUnfinishedAt = acceptedAt;
    }
    return Promise.resolve([...lanes.values()]);
  }

  override findUnfinished(search: EntitySearch): Promise<UnfinishedSearchResult> {
    const found = [...this.entries.values()]
      .filter(({ state, notification }) => state !== 'dead' && isSought(notification, search))
      .map((entry) => ({
        notification: structuredClone(entry.notification),
        acceptedAt: new Date(acceptedAtMs(entry)),
        progress: entry.progress,
      }));
    return Promise.resolve({ found, isComplete: true });
  }

  override counts(): Promise<QueueCounts> {
    const counts = { waiting: 0, active: 0, delayed: 0, dead: 0 };
    let oldest = Infinity;
    for (const entry of this.entries.values()) {
      counts[entry.state]++;
      if (entry.state !== 'dead') oldest = Math.min(oldest, acceptedAtMs(entry));
    }
    return Promise.resolve({
      ...counts,
      oldestUnfinishedAt: oldest === Infinity ? undefined : new Date(oldest),
    });
  }

  override health(): Promise<QueueHealth> {
    return Promise.resolve({ reachable: true, warnings: [FORGETS] });
  }

  override deadLetters({ after, limit = 50 }: DeadLetterPage = {}): Promise<readonly DeadLetter[]> {
    const dead = [...this.entries.values()]
      .filter(({ state }) => state === 'dead')
      .toReversed()
      .map(letterOf);
    const known = dead.findIndex(({ id, diedAt }) => id === after?.id && +diedAt === +after.diedAt);
    const older = dead.findIndex(({ diedAt }) => after !== undefined && diedAt <= after.diedAt);
    const from = known >= 0 ? known + 1 : older < 0 ? dead.length : older;
    return Promise.resolve(dead.slice(after ? from : 0).slice(0, limit));
  }

  override deadLetter(id: string): Promise<DeadLetter | undefined> {
    const entry = this.dead(id);
    return Promise.resolve(entry && letterOf(entry));
  }

  override replay(id: string): Promise<boolean> {
    const entry = this.dead(id);
    if (!entry) return Promise.resolve(false);
    entry.state = 'waiting';
    entry.background = true;
    entry.progress = {};
    entry.ranUntil = undefined;
    this.wakeTakers();
    return Promise.resolve(true);
  }

  override discard(id: string): Promise<boolean> {
    return Promise.resolve(this.dead(id) !== undefined && this.entries.delete(id));
  }

  private dead(id: string): Entry | undefined {
    const entry = this.entries.get(id);
    return entry?.state === 'dead' ? entry : undefined;
  }

  private isAnyDue(): boolean {
    return !this.due().next().done;
  }

  /** The oldest first. */
  private *due(): Generator<Entry> {
    const now = Date.now();
    for (const entry of this.entries.values()) {
      if (this.mayBeTaken(entry) && entry.dueAtMs <= now) yield entry;
    }
  }

  /** Whether it may be taken as soon as it is due. */
  private mayBeTaken({ state, notification }: Entry): boolean {
    return (state === 'waiting' || state === 'delayed') && !this.paused.has(notification.accountId);
  }

  private takeDue(max: number, held: HeldSlots): Delivery[] {
    const byAccount: Record<string, number> = { ...held.byAccount };
    let { background } = held;
    const lanes = new Map<string, Entry[]>();
    for (const entry of this.due()) {
      const id = laneId(laneOf(entry));
      lanes.set(id, [...(lanes.get(id) ?? []), entry]);
    }
    const taken: Delivery[] = [];
    while (taken.length < max) {
      const waiting = [...lanes]
        .toSorted(([a], [b]) => (this.servedAt.get(a) ?? 0) - (this.servedAt.get(b) ?? 0))
        .map(([, [first]]) => laneOf(first!));
      const lane = nextLane(waiting, { ...held, byAccount, background }, max - taken.length);
      if (!lane) break;
      const id = laneId(lane);
      const [entry, ...rest] = lanes.get(id)!;
      if (rest.length > 0) lanes.set(id, rest);
      else lanes.delete(id);
      this.servedAt.set(id, ++this.turns);
      byAccount[lane.accountId] = (byAccount[lane.accountId] ?? 0) + 1;
      if (lane.background) background++;
      taken.push(this.reserve(entry!));
    }
    return taken;
  }

  private reserve(entry: Entry): Delivery {
    entry.state = 'active';
    const { id, notification, coalesceKey, expectedState, trace, acceptedNumber, ranUntil } = entry;
    return {
      id,
      notification: structuredClone(notification),
      coalesceKey,
      expectedState,
      trace,
      acceptedNumber,
      ranUntil,
      background: entry.background,
      progress: entry.progress,
      workerDeaths: 0,
      takenAtMs: Date.now(),
      ...this.ticket(coalesceKey),
    };
  }

  private ticket(coalesceKey: string | undefined): Pick<Delivery, 'ticket' | 'coverage' | 'failing'> {
    const number = this.draw();
    if (coalesceKey === undefined) return { ticket: { number } };
    const { epoch, coverage, failing } = this.keyOf(coalesceKey);
    return { ticket: { number, epoch }, coverage, failing };
  }

  private keyOf(coalesceKey: string): Key {
    const key = this.keys.get(coalesceKey) ?? { epoch: randomUUID() };
    this.keys.set(coalesceKey, key);
    return key;
  }

  /** @returns whether the run was outrun. */
  private recordForKey({ coalesceKey, ticket }: Delivery, settlement: Settlement): boolean {
    if (coalesceKey === undefined) return false;
    const key = this.keyOf(coalesceKey);
    const changed = 'run' in settlement ? settlement.run?.changed : undefined;
    const coverage = 'coverage' in settlement ? settlement.coverage : undefined;
    const { number: covered = 0 } = key.coverage ?? {};
    const isOfKey = ticket.epoch === key.epoch;
    const isOutrun = isOfKey
      ? (changed === true && covered > ticket.number) ||
        (changed === false && (key.changedUntil ?? 0) > ticket.number)
      : changed !== undefined;
    if (changed) key.changedUntil = this.draw();
    if (!isOfKey) return isOutrun;
    if (coverage) {
      key.failing = undefined;
      if (!isOutrun && coverage.number > covered) key.coverage = coverage;
    } else if (settlement.action === 'retry') {
      const notBeforeMs = Date.now() + settlement.holdKeyMs;
      key.failing = { notBeforeMs, hasOwnAge: settlement.hasOwnAge };
    }
    return isOutrun;
  }

  /** All keys share one sequence of numbers, so that they increase strictly for each key. */
  private draw(): number {
    this.lastNumber = Math.max(this.lastNumber + 1, Date.now() * 1000);
    return this.lastNumber;
  }

  private nextDueInMs(): number {
    let next = Infinity;
    for (const entry of this.entries.values()) {
      if (this.mayBeTaken(entry)) next = Math.min(next, entry.dueAtMs);
    }
    return next - Date.now();
  }

  private untilWoken(timeoutMs: number, signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const end = (): void => {
        clearTimeout(timer);
        signal.removeEventListener('abort', end);
        this.wakers.delete(end);
        resolve();
      };
      const timer = setTimeout(end, timeoutMs);
      signal.addEventListener('abort', end);
      this.wakers.add(end);
    });
  }

  private wakeTakers(): void {
    for (const end of this.wakers) end();
  }

  private forgetOldIds(): void {
    for (const [id, untilMs] of this.rememberedUntilMs) {
      if (untilMs > Date.now()) return;
      this.rememberedUntilMs.delete(id);
    }
  }
}

function laneOf({ notification: { accountId }, background }: Entry): Lane {
  return { accountId, background };
}

function laneId({ accountId, background }: Lane): string {
  return JSON.stringify([accountId, background]);
}

function letterOf(entry: Entry): DeadLetter {
  const { id, notification, progress, diedAtMs = Date.now() } = entry;
  const { attempts = 0, firstFailedAt } = progress.failures ?? {};
  return {
    id,
    notification,
    error: progress.error ?? { name: 'Error', message: 'unknown' },
    attempts,
    acceptedAt: new Date(acceptedAtMs(entry)),
    firstFailedAt: firstFailedAt === undefined ? undefined : new Date(firstFailedAt),
    diedAt: new Date(diedAtMs),
  };
}
