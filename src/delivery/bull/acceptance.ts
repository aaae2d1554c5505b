import { Logger } from '@nestjs/common';
import { asError } from '../../errors.js';
import type { FluentNotification } from '../../notification/index.js';
import { GatheredCalls } from '../../gathered-calls.js';
import type { RedisClient, ScriptArguments, ScriptItem } from '../../redis/index.js';
import { QueueUnavailableError, type AddOptions, type AddResult } from '../message-queue.js';
import {
  EARLIER_DONE_PREFIX,
  JOB_PREFIX,
  KEYS,
  ORDER_KEY_LIFETIME_SECONDS,
  WRITTEN_KEY,
  laneOf,
  orderKey,
} from './keys.js';
import { HIGH_WATER_MARK } from './redis-warnings.js';
import type { QueueScriptRunner, QueueScripts } from './scripts.js';
import type { ServerHealth } from './server-health.js';
import { jobIdOf } from './stored-notification.js';

/** Webhooks waiting for Redis beyond this are refused at once: memory stays bounded while Redis hangs. */
const MAX_UNCONFIRMED = 2000;
/** While a script runs, Redis does nothing else, and the workers' scripts wait. */
const MAX_ACCEPTED_TOGETHER = 64;
/** A Redis that hangs must not use up the time of a webhook that waits for the script before its own. */
const MAX_WAIT_MS = 250;
/** How long replicas may take; less than a sender waits, and than a command may take. */
const REPLICATION_TIMEOUT_MS = 500;

/** The same for every job. The connector decides about attempts and delays, and Bull must not. */
const JOB_OPTIONS = JSON.stringify({
  attempts: Number.MAX_SAFE_INTEGER,
  delay: 0,
  removeOnComplete: true,
  timestamp: 0,
});

/** Stores notifications, durably before it resolves. What comes while Redis stores others is stored together. */
export class Acceptance {
  private readonly logger = new Logger('Queue');
  private readonly gathered = new GatheredCalls<ScriptItem<QueueScripts['accept']>, AddResult>(
    (items) => this.store(items),
    {
      maxInFlight: 1,
      maxSize: () => MAX_ACCEPTED_TOGETHER,
      maxWaitMs: MAX_WAIT_MS,
    },
  );
  private unconfirmed = 0;

  constructor(
    private readonly client: RedisClient,
    private readonly scripts: QueueScriptRunner,
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
    const { name } = notification;
    // The script puts the number in front, so the brace is left out.
    const data = JSON.stringify({ expectedState, trace, notification }).slice(1);
    const lane = laneOf(notification, background);
    try {
      return await this.gathered.call({ id: jobIdOf(notification), name, data, lane, coalesceKey });
    } catch (error) {
      throw unconfirmed(asError(error));
    }
  }

  /** Stores notifications with one script. */
  private store(
    items: readonly ScriptItem<QueueScripts['accept']>[],
  ): Promise<QueueScripts['accept']['reply']> {
    const args = {
      jobPrefix: JOB_PREFIX,
      earlierDonePrefix: EARLIER_DONE_PREFIX,
      orderPrefix: orderKey(''),
      options: JOB_OPTIONS,
      nonce: this.nonce(),
      orderTtlSeconds: ORDER_KEY_LIFETIME_SECONDS,
    };
    return this.waitReplicas === 0
      ? this.scripts.run('accept', args, {}, items)
      : this.storeOnReplicas(args, items);
  }

  /** Runs the accepting script and waits until replicas have what it wrote. */
  private async storeOnReplicas(
    args: ScriptArguments<QueueScripts['accept']>,
    items: readonly ScriptItem<QueueScripts['accept']>[],
  ): Promise<QueueScripts['accept']['reply']> {
    // One pipeline stays on one connection, and WAIT knows only of its own connection's writes. A duplicate
    // writes nothing, and may not be replicated yet: the mark makes WAIT cover it.
    const replies = await this.scripts
      .inPipeline(this.client.pipeline(), 'accept', args, items)
      .set(WRITTEN_KEY, '1')
      .wait(this.waitReplicas, REPLICATION_TIMEOUT_MS)
      .exec();
    const [results, , confirmed] = (replies ?? []).map(([error, reply]) => {
      if (error) throw this.relearnSlot(error);
      return reply;
    });
    if (Number(confirmed) < this.waitReplicas) {
      throw new Error(
        `${Number(confirmed)} of ${this.waitReplicas} replicas had it after ${REPLICATION_TIMEOUT_MS} ms`,
      );
    }
    return results as QueueScripts['accept']['reply'];
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

function unconfirmed(cause: Error): QueueUnavailableError {
  return new QueueUnavailableError(`Redis did not confirm the notification: ${cause.message}`, { cause });
}
