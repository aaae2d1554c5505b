import { Injectable, type BeforeApplicationShutdown, type OnApplicationBootstrap } from '@nestjs/common';
import { PinoLogger } from 'nestjs-pino';
import { ConnectorConfig } from '../config/index.js';
import { FluentClient, type UpdatedFluentOrder } from '../fluent/index.js';
import { NotificationIntake } from '../delivery/index.js';
import { ConnectorMetrics } from '../metrics/index.js';
import { reconciliationNotification } from '../notification/index.js';
import { SyncedUpdates } from '../order-status/index.js';
import { ReconciliationState, type Watermark } from './reconciliation-state.js';
import { AHEAD_MS, UpdateWindows } from './update-windows.js';

/** The longest time after which a replica checks whether a search is due. */
const MAX_POLL_MS = 10_000;
/** A search reads longer ranges in windows of this length, so an interrupted search keeps its progress. */
const WINDOW_MS = 3_600_000;
/** The first search of an account reaches back by this much more, because Fluent's clock may be behind ours. */
const CLOCK_TOLERANCE_MS = 3_600_000;

/** The progress of a search of one account. */
interface Look {
  readonly accountId: string;
  readonly startedAt: number;
  readonly windows: UpdateWindows;
  /** The time of the newest queued update, in milliseconds since the epoch. */
  seenUntil?: number;
  queued: number;
  /** Updates that a webhook's sync has seen. */
  alreadySynced: number;
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
      windows: new UpdateWindows(this.fluent, accountId, startedAt, signal),
      seenUntil: watermark?.seenUntil.getTime(),
      queued: 0,
      alreadySynced: 0,
    };
    const since = this.beginningOf(watermark, startedAt);
    for (let from = since; from <= startedAt; from += WINDOW_MS) {
      const to = from + WINDOW_MS - 1;
      // The last window also has the orders updated during the search, even if Fluent's clock is ahead of ours.
      await look.windows.read(
        { from, to: to < startedAt ? to : startedAt + AHEAD_MS },
        { read: (orders) => this.queueOrders(look, orders), skip: (at, error) => this.skip(look, at, error) },
      );
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

  private async skip(look: Look, at: number, error: unknown): Promise<void> {
    this.logger.error(
      { accountId: look.accountId, updatedOn: new Date(at).toISOString(), err: error },
      'reconciliation skips orders that Fluent cannot answer with; look for the order that was updated at ' +
        'that time in Fluent, and send a webhook for it',
    );
    await this.moveWatermark(look, at);
  }

  /** Queues the orders of a window and moves the watermark. */
  private async queueOrders(look: Look, orders: AsyncIterable<UpdatedFluentOrder>): Promise<void> {
    const { accountId, startedAt } = look;
    let newest = 0;
    for await (const order of orders) {
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
