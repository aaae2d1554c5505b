import { Injectable, type BeforeApplicationShutdown, type OnApplicationBootstrap } from '@nestjs/common';
import { PinoLogger } from 'nestjs-pino';
import { ConnectorConfig } from '../config/index.js';
import { CircuitOpenError, ConfigurationError } from '../errors.js';
import { FluentClient } from '../fluent/index.js';
import { NotificationIntake } from '../delivery/index.js';
import { ConnectorMetrics } from '../metrics/index.js';
import { reconciliationNotification } from '../notification/index.js';
import { SyncedUpdates } from '../order-status/index.js';
import { OutageError } from '../transport/index.js';
import { ReconciliationState, type Watermark } from './reconciliation-state.js';

/** The longest time after which a replica checks whether a search is due. */
const MAX_POLL_MS = 10_000;
/** A search reads longer ranges in windows of this length, so an interrupted search keeps its progress. */
const WINDOW_MS = 3_600_000;
/** The first search of an account reaches back by this much more, because Fluent's clock may be behind ours. */
const CLOCK_TOLERANCE_MS = 3_600_000;
/** A search also finds orders updated while it runs, even if Fluent's clock is ahead of ours. */
const AHEAD_MS = 86_400_000;
/**
 * How many unreadable windows a search divides. It takes about 25 divisions to find one unreadable order. If nothing
 * is readable, the search must end.
 */
const MAX_DIVISIONS = 100;

/** A range of `updatedOn` in milliseconds since the epoch, both ends included. */
interface UpdateWindow {
  readonly from: number;
  readonly to: number;
}

/** The progress of a search of one account. */
interface Look {
  readonly accountId: string;
  readonly startedAt: number;
  readonly signal: AbortSignal;
  /** The time of the newest queued update, in milliseconds since the epoch. */
  seenUntil?: number;
  queued: number;
  /** Updates that a webhook's sync has seen. */
  alreadySynced: number;
  divisions: number;
}

/**
 * Finds orders whose notification was lost. It reads the orders that Fluent has updated since the last search, and queues
 * each like a notification. One replica searches at a time, and the watermark survives restarts.
 */
@Injectable()
export class Reconciliation implements OnApplicationBootstrap, BeforeApplicationShutdown {
  private readonly stop = new AbortController();
  private timer?: NodeJS.Timeout;
  private current: Promise<void> = Promise.resolve();

  constructor(
    private readonly config: ConnectorConfig,
    private readonly state: ReconciliationState,
    private readonly fluent: FluentClient,
    private readonly intake: NotificationIntake,
    private readonly syncedUpdates: SyncedUpdates,
    private readonly logger: PinoLogger,
    private readonly metrics: ConnectorMetrics,
  ) {
    logger.setContext('Reconciliation');
  }

  onApplicationBootstrap(): void {
    if (this.config.role === 'ingress' || this.config.reconciliation.intervalSeconds === 0) return;
    this.schedule();
    // Every replica reports the same value. While Redis is down, the gauge is absent instead of stale.
    const { reconcileWatermarkAge } = this.metrics;
    const accounts = this.config.accounts.map(({ id }) => id);
    const collect = async (): Promise<void> => {
      const ages = await this.state.agesMs(accounts).catch(() => undefined);
      reconcileWatermarkAge.reset();
      for (const [account, ageMs] of ages ?? []) reconcileWatermarkAge.set({ account }, ageMs / 1000);
    };
    Object.assign(reconcileWatermarkAge, { collect });
  }

  async beforeApplicationShutdown(): Promise<void> {
    this.stop.abort(new Error('shutting down'));
    clearTimeout(this.timer);
    await this.current;
  }

  private get intervalMs(): number {
    return this.config.reconciliation.intervalSeconds * 1000;
  }

  private schedule(): void {
    const pollMs = Math.min(this.intervalMs, MAX_POLL_MS);
    this.timer = setTimeout(
      () => {
        this.current = this.lookWhenDue().finally(() => {
          if (!this.stop.signal.aborted) this.schedule();
        });
      },
      // A random part keeps replicas that started together apart.
      pollMs * (0.5 + Math.random() / 2),
    );
  }

  private async lookWhenDue(): Promise<void> {
    try {
      await this.state.takeTurn(this.intervalMs, (lost) =>
        this.lookAtAllAccounts(AbortSignal.any([lost, this.stop.signal])),
      );
    } catch (error) {
      if (!this.stop.signal.aborted)
        this.logger.warn({ err: error }, 'reconciliation could not take its turn');
    }
  }

  private async lookAtAllAccounts(signal: AbortSignal): Promise<void> {
    for (const { id } of this.config.accounts) {
      try {
        await this.look(id, signal);
      } catch (error) {
        // A failure of one account must not stop the others. Its watermark stays, so no order is skipped.
        signal.throwIfAborted();
        this.logger.warn(
          { accountId: id, err: error },
          `reconciliation could not ask account ${id} for updated orders; the next look begins where this one ended`,
        );
      }
    }
  }

  private async look(accountId: string, signal: AbortSignal): Promise<void> {
    const startedAt = Date.now();
    const watermark = await this.state.watermark(accountId);
    const look: Look = {
      accountId,
      startedAt,
      signal,
      seenUntil: watermark?.seenUntil.getTime(),
      queued: 0,
      alreadySynced: 0,
      divisions: 0,
    };
    const since = this.beginningOf(watermark, startedAt);
    for (let from = since; from <= startedAt; from += WINDOW_MS) {
      const to = from + WINDOW_MS - 1;
      await this.readWindow(look, { from, to: to < startedAt ? to : startedAt + AHEAD_MS });
    }
    await this.state.setLookedAt(accountId, new Date(startedAt));
    const { queued, alreadySynced } = look;
    this.logger.info(
      { accountId, since: new Date(since).toISOString(), queued, alreadySynced },
      'reconciliation looked for updated orders',
    );
  }

  /**
   * The watermark is a time by Fluent's clock. Our clock only measures how long ago reconciliation reached it. After
   * the overlap, no older update can appear, so reconciliation does not read an account without updates again.
   */
  private beginningOf(watermark: Watermark | undefined, startedAt: number): number {
    const overlapMs = this.config.reconciliation.overlapSeconds * 1000;
    if (!watermark) return startedAt - overlapMs - CLOCK_TOLERANCE_MS;
    const seenUntil = watermark.seenUntil.getTime();
    const reachedMsAgo = Math.max(startedAt - watermark.reachedAt.getTime(), 0);
    return Math.min(seenUntil + reachedMsAgo - overlapMs, seenUntil + 1);
  }

  /** Queues the orders of a window and moves the watermark. It narrows unreadable windows down and skips the rest. */
  private async readWindow(look: Look, window: UpdateWindow): Promise<void> {
    try {
      await this.queueOrders(look, window);
    } catch (error) {
      look.signal.throwIfAborted();
      const isHere = !isTrouble(error) && (await this.answersOtherwise(look));
      if (!isHere || look.divisions >= MAX_DIVISIONS) throw error;
      look.divisions++;
      const { from, to } = window;
      if (from === to) {
        this.logger.error(
          { accountId: look.accountId, updatedOn: new Date(from).toISOString(), err: error },
          'reconciliation skips orders that Fluent cannot answer with; look for the order that was updated at ' +
            'that time in Fluent, and send a webhook for it',
        );
        await this.moveWatermark(look, from);
        return;
      }
      const middle = Math.floor((from + to) / 2);
      await this.readWindow(look, { from, to: middle });
      await this.readWindow(look, { from: middle + 1, to });
    }
  }

  /** @returns whether Fluent answers a question about a time without orders, so that the window is the reason. */
  private async answersOtherwise({ accountId, startedAt, signal }: Look): Promise<boolean> {
    const emptyTime = new Date(startedAt + 2 * AHEAD_MS);
    try {
      for await (const _ of this.fluent.ordersUpdatedSince(accountId, emptyTime, {
        signal,
        until: emptyTime,
      })) {
        break;
      }
      return true;
    } catch {
      // The caller throws the first error, which has the same cause.
      return false;
    }
  }

  private async queueOrders(look: Look, { from, to }: UpdateWindow): Promise<void> {
    const { accountId, startedAt, signal } = look;
    const options = { signal, until: new Date(to) };
    let newest = 0;
    for await (const order of this.fluent.ordersUpdatedSince(accountId, new Date(from), options)) {
      const updatedOn = order.updatedOn ?? new Date(startedAt).toISOString();
      newest = Math.max(newest, new Date(updatedOn).getTime());
      // Retailers that are not configured here do not belong to this connector.
      if (!this.config.scope(accountId, order.retailerId)) continue;
      if (await this.syncedUpdates.isSynced(accountId, order)) {
        look.alreadySynced++;
        continue;
      }
      const [name = ''] = this.config.orderStatusEventNames;
      const notification = reconciliationNotification(name, accountId, order.retailerId, order, updatedOn);
      if ((await this.intake.submit(notification)) === 'accepted') look.queued++;
    }
    await this.moveWatermark(look, newest);
  }

  /**
   * The watermark follows Fluent's clock, but never passes the beginning of this search: orders updated meanwhile may
   * have slipped between its pages.
   */
  private async moveWatermark(look: Look, newest: number): Promise<void> {
    const seenUntil = Math.min(newest, look.startedAt);
    if (seenUntil <= (look.seenUntil ?? 0)) return;
    look.seenUntil = seenUntil;
    await this.state.setWatermark(look.accountId, {
      seenUntil: new Date(seenUntil),
      reachedAt: new Date(look.startedAt),
    });
  }
}

/** Whether the failure concerns the whole account, so other windows would fail, too. */
function isTrouble(error: unknown): boolean {
  return (
    error instanceof OutageError || error instanceof CircuitOpenError || error instanceof ConfigurationError
  );
}
