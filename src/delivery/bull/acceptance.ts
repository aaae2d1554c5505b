import { Logger } from '@nestjs/common';
import { asError } from '../../errors.js';
import type { FluentNotification } from '../../notification/index.js';
import type { RedisClient } from '../../redis/index.js';
import { QueueUnavailableError, type AddOptions, type AddResult } from '../message-queue.js';
import {
  JOB_PREFIX,
  KEYS,
  ORDER_KEY_LIFETIME_SECONDS,
  WRITTEN_KEY,
  doneKey,
  laneOf,
  orderKey,
} from './keys.js';
import { HIGH_WATER_MARK } from './redis-warnings.js';
import type { QueueKeys, ScriptArguments, ScriptRunner } from './scripts.js';
import type { ServerHealth } from './server-health.js';
import { jobIdOf } from './stored-notification.js';

/** Webhooks waiting for Redis beyond this are refused at once: memory stays bounded while Redis hangs. */
const MAX_UNCONFIRMED = 2000;
/** How long replicas may take; less than a sender waits, and than a command may take. */
const REPLICATION_TIMEOUT_MS = 500;

/** The same for every job. The connector decides about attempts and delays, and Bull must not. */
const JOB_OPTIONS = JSON.stringify({
  attempts: Number.MAX_SAFE_INTEGER,
  delay: 0,
  removeOnComplete: true,
  timestamp: 0,
});

/** Stores notifications, durably before it resolves. */
export class Acceptance {
  private readonly logger = new Logger('Queue');
  private unconfirmed = 0;

  constructor(
    private readonly client: RedisClient,
    private readonly scripts: ScriptRunner,
    private readonly server: ServerHealth,
    /** `REDIS_WAIT_REPLICAS` */
    private readonly waitReplicas: number,
    private readonly nonce: () => string,
  ) {}

  /** @throws QueueUnavailableError when it is not stored. */
  async add(notification: FluentNotification, options: AddOptions): Promise<AddResult> {
    if (this.unconfirmed >= MAX_UNCONFIRMED) {
      throw new QueueUnavailableError(`Redis has ${MAX_UNCONFIRMED} notifications yet to confirm`);
    }
    this.unconfirmed++;
    try {
      if (!(await this.server.isNearlyFull())) return await this.accept(notification, options);
    } finally {
      this.unconfirmed--;
    }
    throw new QueueUnavailableError(
      `Redis uses ${HIGH_WATER_MARK * 100} % of its maxmemory or more, and what is left is for the workers; raise maxmemory`,
    );
  }

  /**
   * Stores a notification also while others are refused.
   *
   * @throws QueueUnavailableError when it is not stored.
   */
  async accept(notification: FluentNotification, options: AddOptions): Promise<AddResult> {
    const { coalesceKey = '', expectedState, background = false, trace } = options;
    const id = jobIdOf(notification);
    // The script puts the number in front, so the brace is left out.
    const data = JSON.stringify({ expectedState, trace, notification }).slice(1);
    const { name } = notification;
    const order = { coalesceKey, nonce: this.nonce(), orderTtlSeconds: ORDER_KEY_LIFETIME_SECONDS };
    const lane = laneOf(notification, background);
    const args = { jobPrefix: JOB_PREFIX, id, name, data, options: JOB_OPTIONS, lane, ...order };
    const keys = { done: doneKey(id), order: orderKey(coalesceKey) };
    try {
      return this.waitReplicas === 0
        ? await this.scripts.run('accept', args, keys)
        : await this.acceptOnReplicas(args, keys);
    } catch (error) {
      throw new QueueUnavailableError(`Redis did not confirm the notification: ${asError(error).message}`, {
        cause: error,
      });
    }
  }

  /** Runs the accepting script and waits until replicas have what it wrote. */
  private async acceptOnReplicas(
    args: ScriptArguments<'accept'>,
    keys: Partial<QueueKeys>,
  ): Promise<AddResult> {
    // One pipeline stays on one connection, and WAIT knows only of its own connection's writes. A duplicate
    // writes nothing, and may not be replicated yet: the mark makes WAIT cover it.
    const replies = await this.scripts
      .inPipeline(this.client.pipeline(), 'accept', args, keys)
      .set(WRITTEN_KEY, '1')
      .wait(this.waitReplicas, REPLICATION_TIMEOUT_MS)
      .exec();
    const [result, , confirmed] = (replies ?? []).map(([error, reply]) => {
      if (error) throw this.relearnSlot(error);
      return reply;
    });
    if (Number(confirmed) < this.waitReplicas) {
      throw new Error(
        `${Number(confirmed)} of ${this.waitReplicas} replicas had it after ${REPLICATION_TIMEOUT_MS} ms`,
      );
    }
    return result as AddResult;
  }

  /** A cluster's client follows a slot that has moved with single commands only, not with pipelines. */
  private relearnSlot(error: Error): Error {
    if (error.message.startsWith('MOVED')) void this.learnSlot();
    return error;
  }

  private async learnSlot(): Promise<void> {
    try {
      await this.client.exists(KEYS.any);
    } catch (error) {
      this.logger.warn(`queue: could not find the master of the cluster's slot: ${asError(error).message}`);
    }
  }
}
