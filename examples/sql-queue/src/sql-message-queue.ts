import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import type { OnApplicationShutdown } from '@nestjs/common';
import {
  MessageQueue,
  NO_SLOTS_HELD,
  QueueUnavailableError,
  nextLane,
  type AccountPause,
  type AddOptions,
  type AddResult,
  type DeadLetter,
  type DeadLetterPage,
  type Delivery,
  type FluentNotification,
  type HeldSlots,
  type LaneCounts,
  type QueueCounts,
  type QueueHealth,
  type SettleResult,
  type Settlement,
} from 'fluent-commercetools-connector';
import { Database } from './database.js';
import { RunNumbers } from './run-numbers.js';
import type { NotificationRow } from './schema.js';

/** The longest wait of one `take`, and how often it looks for what other processes have added. */
const MAX_WAIT_MS = 5000;
const POLL_MS = 50;
const DEDUPE_WINDOW_SECONDS = 90_000;

export interface SqlQueueOptions {
  readonly file: string;
  /** After this time without renewal, another worker gets the notifications of this one. */
  readonly lockMs?: number;
}

/**
 * A queue in an SQL database. The processes that open the same file share it: an ingress that accepts webhooks, and the workers.
 * Each method is one transaction, so it takes effect completely or not at all.
 */
export class SqlMessageQueue extends MessageQueue implements OnApplicationShutdown {
  private readonly worker = randomUUID();
  private readonly database: Database;
  private readonly numbers: RunNumbers;
  private readonly lockMs: number;
  private readonly renewal: NodeJS.Timeout;

  constructor({ file, lockMs = 30_000 }: SqlQueueOptions) {
    super();
    this.database = new Database(file);
    this.numbers = new RunNumbers(this.database);
    this.lockMs = lockMs;
    this.renewal = setInterval(() => this.renewLocks(), lockMs / 3).unref();
  }

  onApplicationShutdown(): void {
    clearInterval(this.renewal);
    this.database.close();
  }

  override async add(notification: FluentNotification, options: AddOptions = {}): Promise<AddResult> {
    const { accountId } = notification;
    const id = JSON.stringify([accountId, notification.id]);
    const { coalesceKey = null, expectedState = null, background = false, trace } = options;
    try {
      return this.database.transaction(() => {
        if (this.isKnown(id)) return 'duplicate';
        // A dead letter whose notification is sent again starts again.
        this.database.run('DELETE FROM notifications WHERE id = ?', id);
        this.database.run(
          `INSERT INTO notifications (id, account, notification, coalesce_key, expected_state, trace, accepted_number, state,
             background, due_at, position, progress)
           VALUES (?, ?, ?, ?, ?, ?, ?, 'queued', ?, ?, ?, '{}')`,
          id,
          accountId,
          JSON.stringify(notification),
          coalesceKey,
          expectedState,
          trace ? JSON.stringify(trace) : null,
          this.numbers.draw(coalesceKey),
          Number(background),
          Date.now(),
          this.nextPosition(),
        );
        return 'accepted';
      });
    } catch (error) {
      throw new QueueUnavailableError(`the notification was not stored: ${String(error)}`, { cause: error });
    }
  }

  override async take(
    max: number,
    signal: AbortSignal,
    held: HeldSlots = NO_SLOTS_HELD,
  ): Promise<readonly Delivery[]> {
    const giveUpAt = performance.now() + MAX_WAIT_MS;
    while (!signal.aborted && performance.now() < giveUpAt) {
      const { taken, isLeft } = this.database.transaction(() => this.takeDue(max, held));
      if (taken.length > 0 || isLeft) return taken;
      await delay(POLL_MS, undefined, { signal }).catch(() => undefined);
    }
    return [];
  }

  override async renew(delivery: Delivery): Promise<Delivery> {
    return this.database.transaction(() => ({
      ...delivery,
      ...this.numbers.ticket(delivery.coalesceKey ?? null),
    }));
  }

  override async settle(delivery: Delivery, settlement: Settlement): Promise<SettleResult> {
    return this.database.transaction(() => this.settleNow(delivery, settlement));
  }

  override async wake(target: string): Promise<void> {
    const due = "state = 'queued' AND parked_for = ? AND due_at > ?";
    this.database.run(
      `UPDATE notifications SET due_at = ?, parked_for = NULL WHERE ${due}`,
      Date.now(),
      target,
      Date.now(),
    );
  }

  override async pause(accountId: string, pause: AccountPause): Promise<AccountPause> {
    this.database.run('INSERT OR IGNORE INTO pauses VALUES (?, ?)', accountId, JSON.stringify(pause));
    return (await this.pauses()).get(accountId) ?? pause;
  }

  override async resume(accountId: string): Promise<boolean> {
    return this.database.run('DELETE FROM pauses WHERE account = ?', accountId) > 0;
  }

  override async pauses(): Promise<ReadonlyMap<string, AccountPause>> {
    const rows = this.database.all<{ account: string; pause: string }>('SELECT * FROM pauses');
    return new Map(
      rows.map(({ account, pause }) => {
        const { since, ...stored } = JSON.parse(pause) as AccountPause & { since: string };
        return [account, { ...stored, since: new Date(since) }];
      }),
    );
  }

  override async lanes(): Promise<readonly LaneCounts[]> {
    const now = Date.now();
    const rows = this.database.all<Omit<LaneCounts, 'oldestUnfinishedAt'> & { oldest: number }>(
      `SELECT account AS accountId,
         sum(state = 'queued' AND due_at <= ? AND NOT background) AS waiting,
         sum(state = 'queued' AND due_at <= ? AND background) AS background,
         sum(state = 'active') AS running,
         sum(state = 'queued' AND due_at > ?) AS delayed,
         min(accepted_number) AS oldest
       FROM notifications WHERE state <> 'dead' GROUP BY account`,
      now,
      now,
      now,
    );
    return rows.map(({ oldest, ...lane }) => ({ ...lane, oldestUnfinishedAt: dateOf(oldest) }));
  }

  override async counts(): Promise<QueueCounts> {
    const now = Date.now();
    const { oldest, ...counts } = this.database.one<
      Record<'waiting' | 'active' | 'delayed' | 'dead', number> & { oldest: number | null }
    >(
      `SELECT count(*) FILTER (WHERE state = 'queued' AND due_at <= ?) AS waiting,
         count(*) FILTER (WHERE state = 'active') AS active,
         count(*) FILTER (WHERE state = 'queued' AND due_at > ?) AS delayed,
         count(*) FILTER (WHERE state = 'dead') AS dead,
         min(accepted_number) FILTER (WHERE state <> 'dead') AS oldest
       FROM notifications`,
      now,
      now,
    )!;
    return { ...counts, oldestUnfinishedAt: oldest === null ? undefined : dateOf(oldest) };
  }

  override async health(): Promise<QueueHealth> {
    try {
      this.database.one('SELECT 1');
      return { reachable: true, warnings: [] };
    } catch (error) {
      return { reachable: false, warnings: [String(error)] };
    }
  }

  override async deadLetters({ after, limit = 50 }: DeadLetterPage = {}): Promise<readonly DeadLetter[]> {
    const newestFirst = 'ORDER BY died_at DESC, position DESC LIMIT ?';
    const dead = "SELECT * FROM notifications WHERE state = 'dead'";
    if (!after) return this.database.all<NotificationRow>(`${dead} ${newestFirst}`, limit).map(letterOf);
    const diedAt = after.diedAt.getTime();
    const known = this.database.one<NotificationRow>(`${dead} AND id = ? AND died_at = ?`, after.id, diedAt);
    return this.database
      .all<NotificationRow>(
        `${dead} AND (died_at < ? OR died_at = ? AND position < ?) ${newestFirst}`,
        diedAt,
        diedAt,
        known?.position ?? Number.MAX_SAFE_INTEGER,
        limit,
      )
      .map(letterOf);
  }

  override async deadLetter(id: string): Promise<DeadLetter | undefined> {
    const row = this.database.one<NotificationRow>(
      "SELECT * FROM notifications WHERE state = 'dead' AND id = ?",
      id,
    );
    return row && letterOf(row);
  }

  override async replay(id: string): Promise<boolean> {
    return this.database.transaction(() => {
      const changes = this.database.run(
        `UPDATE notifications SET state = 'queued', background = 1, progress = '{}', ran_until = NULL, due_at = ?, position = ?
         WHERE state = 'dead' AND id = ?`,
        Date.now(),
        this.nextPosition(),
        id,
      );
      return changes > 0;
    });
  }

  override async discard(id: string): Promise<boolean> {
    return this.database.run("DELETE FROM notifications WHERE state = 'dead' AND id = ?", id) > 0;
  }

  private isKnown(id: string): boolean {
    const now = Date.now();
    this.database.run('DELETE FROM finished WHERE until <= ?', now);
    return (
      this.database.one('SELECT 1 FROM finished WHERE id = ?', id) !== undefined ||
      this.database.one("SELECT 1 FROM notifications WHERE id = ? AND state <> 'dead'", id) !== undefined
    );
  }

  private takeDue(max: number, held: HeldSlots): { taken: Delivery[]; isLeft: boolean } {
    this.recoverLost();
    const byAccount: Record<string, number> = { ...held.byAccount };
    let { background } = held;
    const taken: Delivery[] = [];
    while (taken.length < max) {
      const waiting = this.waitingLanes();
      const lane = nextLane(waiting, { ...held, byAccount, background }, max - taken.length);
      if (!lane) return { taken, isLeft: waiting.length > 0 };
      taken.push(this.takeFrom(lane.accountId, lane.background));
      byAccount[lane.accountId] = (byAccount[lane.accountId] ?? 0) + 1;
      if (lane.background) background++;
    }
    return { taken, isLeft: false };
  }

  /** The lane that was served longest ago comes first. */
  private waitingLanes(): { accountId: string; background: boolean }[] {
    return this.database
      .all<{ account: string; background: number }>(
        `SELECT account, background FROM notifications LEFT JOIN lanes USING (account, background)
         WHERE state = 'queued' AND due_at <= ? AND account NOT IN (SELECT account FROM pauses)
         GROUP BY account, background ORDER BY coalesce(served, 0), min(due_at), min(position)`,
        Date.now(),
      )
      .map(({ account, background }) => ({ accountId: account, background: background === 1 }));
  }

  private takeFrom(account: string, background: boolean): Delivery {
    const row = this.database.one<NotificationRow>(
      `SELECT * FROM notifications WHERE state = 'queued' AND account = ? AND background = ? AND due_at <= ?
       ORDER BY due_at, position LIMIT 1`,
      account,
      Number(background),
      Date.now(),
    )!;
    const takenAtMs = Date.now();
    this.database.run(
      "UPDATE notifications SET state = 'active', worker = ?, locked_until = ?, parked_for = NULL WHERE id = ?",
      this.worker,
      takenAtMs + this.lockMs,
      row.id,
    );
    this.database.run(
      `INSERT INTO lanes VALUES (?, ?, (SELECT coalesce(max(served), 0) + 1 FROM lanes))
       ON CONFLICT DO UPDATE SET served = excluded.served`,
      account,
      Number(background),
    );
    return {
      id: row.id,
      notification: JSON.parse(row.notification) as FluentNotification,
      coalesceKey: row.coalesce_key ?? undefined,
      expectedState: row.expected_state ?? undefined,
      trace: row.trace === null ? undefined : (JSON.parse(row.trace) as Delivery['trace']),
      acceptedNumber: row.accepted_number,
      ranUntil: row.ran_until ?? undefined,
      background,
      progress: JSON.parse(row.progress) as Delivery['progress'],
      workerDeaths: row.worker_deaths,
      takenAtMs,
      ...this.numbers.ticket(row.coalesce_key),
    };
  }

  private settleNow(delivery: Delivery, settlement: Settlement): SettleResult {
    const { id } = delivery;
    const { isOutrun, ranUntil } = this.numbers.record(delivery, settlement);
    // Also for the worker that may have taken it over: this run may have written until now.
    if (ranUntil !== undefined) {
      this.database.run('UPDATE notifications SET ran_until = ? WHERE id = ?', ranUntil, id);
    }
    const row = this.database.one<NotificationRow>('SELECT * FROM notifications WHERE id = ?', id);
    if (row?.state !== 'active' || row.worker !== this.worker) return 'settled';

    if (settlement.action === 'done' && !isOutrun) {
      const { dedupeWindowSeconds = DEDUPE_WINDOW_SECONDS } = settlement;
      const until = Date.now() + dedupeWindowSeconds * 1000;
      this.database.run('DELETE FROM notifications WHERE id = ?', id);
      this.database.run('INSERT OR REPLACE INTO finished VALUES (?, ?)', id, until);
      return 'settled';
    }
    if (settlement.action === 'dead') {
      this.database.run(
        "UPDATE notifications SET state = 'dead', progress = ?, died_at = ?, position = ? WHERE id = ?",
        JSON.stringify(settlement.progress),
        Date.now(),
        this.nextPosition(),
        id,
      );
      return 'settled';
    }
    const isDone = settlement.action === 'done';
    const target = settlement.action === 'defer' ? settlement.error?.target : undefined;
    this.database.run(
      `UPDATE notifications SET state = 'queued', progress = ?, background = ?, due_at = ?, position = ?, parked_for = ?
       WHERE id = ?`,
      JSON.stringify(isDone ? (settlement.ifOutrun ?? {}) : settlement.progress),
      Number(isDone ? delivery.background : (settlement.background ?? false)),
      Math.ceil(Date.now() + (isDone ? 0 : settlement.delayMs)),
      this.nextPosition(),
      target ?? null,
      id,
    );
    return isDone ? 'outrun' : 'settled';
  }

  /** Gives what dead workers have taken to others. They may have written until now. */
  private recoverLost(): void {
    const lost = this.database.all<NotificationRow>(
      "SELECT * FROM notifications WHERE state = 'active' AND locked_until <= ?",
      Date.now(),
    );
    for (const { id, coalesce_key } of lost) {
      this.database.run(
        `UPDATE notifications SET state = 'queued', due_at = 0, worker_deaths = worker_deaths + 1, ran_until = ? WHERE id = ?`,
        coalesce_key === null ? null : this.numbers.draw(coalesce_key),
        id,
      );
    }
  }

  private renewLocks(): void {
    this.database.run(
      "UPDATE notifications SET locked_until = ? WHERE state = 'active' AND worker = ?",
      Date.now() + this.lockMs,
      this.worker,
    );
  }

  private nextPosition(): number {
    return this.database.one<{ next: number }>(
      'SELECT coalesce(max(position), 0) + 1 AS next FROM notifications',
    )!.next;
  }
}

function letterOf({ id, notification, progress, accepted_number, died_at }: NotificationRow): DeadLetter {
  const { failures, error } = JSON.parse(progress) as Delivery['progress'];
  return {
    id,
    notification: JSON.parse(notification) as FluentNotification,
    error: error ?? { name: 'Error', message: 'unknown' },
    attempts: failures?.attempts ?? 0,
    acceptedAt: dateOf(accepted_number),
    firstFailedAt: failures?.firstFailedAt === undefined ? undefined : new Date(failures.firstFailedAt),
    diedAt: new Date(died_at ?? 0),
  };
}

function dateOf(number: number): Date {
  return new Date(Math.floor(number / 1000));
}
