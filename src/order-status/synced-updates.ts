import { Injectable, Logger } from '@nestjs/common';
import { ConnectorConfig } from '../config/index.js';
import { asError } from '../errors.js';
import type { UpdatedFluentOrder } from '../fluent/index.js';
import { ExpiringKeys } from '../redis/index.js';

/** An update of a Fluent order, and the status that the order had then. */
export type FluentUpdate = Pick<UpdatedFluentOrder, 'id' | 'updatedOn' | 'status'>;

/**
 * Remembers, for `DEDUPE_WINDOW`, which update of each Fluent order a sync has seen, so that reconciliation does not sync it
 * once more.
 *
 * An update counts as seen only when its time and its status are those that the sync has read. Times are compared for
 * equality, never by order: clocks of Fluent's servers may differ, and an update that came later may have an earlier
 * time.
 */
@Injectable()
export class SyncedUpdates {
  private readonly logger = new Logger('SyncedUpdates');

  constructor(
    private readonly keys: ExpiringKeys,
    private readonly config: ConnectorConfig,
  ) {}

  /** Notes an update that commercetools agrees with now. Without the note the order is synced once more. */
  async note(accountId: string, update: FluentUpdate): Promise<void> {
    if (this.config.reconciliation.intervalSeconds === 0) return;
    const text = textOf(update);
    if (text === undefined) return;
    try {
      await this.keys.set(keyOf(accountId, update), text, this.config.queue.dedupeWindowSeconds);
    } catch (error) {
      this.logger.debug(
        `order ${update.id} of account ${accountId} will be synced once more: ${asError(error).message}`,
      );
    }
  }

  /**
   * @returns whether a sync has seen exactly this update.
   * @throws Error when the store does not answer.
   */
  async isSynced(accountId: string, update: FluentUpdate): Promise<boolean> {
    const text = textOf(update);
    return text !== undefined && (await this.keys.get(keyOf(accountId, update))) === text;
  }
}

/**
 * @returns undefined for an update that cannot be told from the next one: without a status, or with a time of whole
 * seconds. The next update may have the same time when Fluent counts in seconds.
 */
function textOf({ updatedOn = '', status }: FluentUpdate): string | undefined {
  const isFine = /\.\d*[1-9]/.test(updatedOn);
  return isFine && status !== undefined ? JSON.stringify([updatedOn, status]) : undefined;
}

/** Beside the ids of finished notifications: who lets these be forgotten lets orders be synced again. */
function keyOf(accountId: string, { id }: FluentUpdate): string {
  return `done:synced:${JSON.stringify([accountId, id])}`;
}
