import { Injectable, type BeforeApplicationShutdown, type OnApplicationBootstrap } from '@nestjs/common';
import { PinoLogger } from 'nestjs-pino';
import { ConnectorConfig } from '../config/index.js';
import { FluentClient } from '../fluent/index.js';
import { NotificationIntake } from '../delivery/index.js';
import { reconciliationNotification } from '../notification/index.js';
import { ReconciliationState } from './reconciliation-state.js';

/** How often a replica asks whether a look is due, at most. */
const MAX_POLL_MS = 10_000;

/**
 * Finds what no notification told: asks Fluent for the orders updated since the last look and queues each
 * like a notification. One replica at a time; the watermark survives restarts.
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
    private readonly logger: PinoLogger,
  ) {
    logger.setContext('Reconciliation');
  }

  onApplicationBootstrap(): void {
    if (this.config.role === 'ingress' || this.config.reconciliation.intervalSeconds === 0) return;
    this.schedule();
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
      // Replicas that were started together do not ask together.
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
        // One account's trouble must not stop the others; its watermark stays, so nothing is skipped.
        signal.throwIfAborted();
        this.logger.warn(
          { accountId: id, err: error },
          `reconciliation could not ask account ${id} for updated orders; the next look begins where this one did`,
        );
      }
    }
  }

  private async look(accountId: string, signal: AbortSignal): Promise<void> {
    const startedAt = new Date();
    const seenUntil = (await this.state.watermark(accountId)) ?? startedAt;
    const since = new Date(seenUntil.getTime() - this.config.reconciliation.overlapSeconds * 1000);

    let newest = seenUntil;
    let queued = 0;
    for await (const order of this.fluent.ordersUpdatedSince(accountId, since, { signal })) {
      const updatedOn = order.updatedOn ?? startedAt.toISOString();
      if (new Date(updatedOn) > newest) newest = new Date(updatedOn);
      // Orders of retailers that are not configured here are nobody's business here.
      if (!this.config.scope(accountId, order.retailerId)) continue;
      const [name = ''] = this.config.orderStatusEventNames;
      const notification = reconciliationNotification(name, accountId, order.retailerId, order, updatedOn);
      if ((await this.intake.submit(notification)) === 'accepted') queued++;
    }
    // Fluent's clock decides, but never beyond the beginning of this look: orders updated meanwhile may
    // have slipped between its pages.
    await this.state.setWatermark(accountId, newest < startedAt ? newest : startedAt);
    this.logger.info(
      { accountId, since: since.toISOString(), queued },
      'reconciliation looked for updated orders',
    );
  }
}
