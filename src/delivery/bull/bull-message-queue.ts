import { randomBytes } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { getQueueToken } from '@nestjs/bull';
import { Inject, Injectable, Logger, type OnApplicationShutdown } from '@nestjs/common';
import type { Queue } from 'bull';
import { ConnectorConfig } from '../../config/index.js';
import type { FluentNotification } from '../../notification/index.js';
import { FAIL_FAST_TIMEOUT_MS, RedisConnections } from '../../redis/index.js';
import type { Settlement } from '../decide.js';
import type { Delivery } from '../delivery.js';
import { NO_SLOTS_HELD, type HeldSlots } from '../lanes.js';
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
import { Acceptance } from './acceptance.js';
import { AccountLanes } from './account-lanes.js';
import { DeadLetterStore } from './dead-letter-store.js';
import { Deliveries } from './deliveries.js';
import { JOB_PREFIX, KEYS, QUEUE_NAME, uniqueNames } from './keys.js';
import { QueueScriptRunner } from './scripts.js';
import { ServerHealth } from './server-health.js';
import type { StoredNotification } from './stored-notification.js';
import { UnfinishedSearch } from './unfinished-search.js';

/**
 * The queue on Redis, with Bull's keys and jobs. Accepting, taking and settling are one script each, because
 * numbering, coverage and the move of a job must be one atomic step and one round trip. Bull itself reads the dead letters.
 */
@Injectable()
export class BullMessageQueue extends MessageQueue implements OnApplicationShutdown {
  /** On the connection for calls whose caller waits for the answer. */
  private readonly failFast: QueueScriptRunner;
  /** On the connection on which workers wait for Redis to come back. */
  private readonly reconnecting: QueueScriptRunner;
  private readonly acceptance: Acceptance;
  private readonly deliveries: Deliveries;
  private readonly accounts: AccountLanes;
  private readonly letters: DeadLetterStore;
  private readonly unfinished: UnfinishedSearch;
  private readonly server: ServerHealth;

  constructor(
    config: ConnectorConfig,
    connections: RedisConnections,
    @Inject(getQueueToken(QUEUE_NAME)) private readonly queue: Queue<StoredNotification>,
  ) {
    super();
    const logger = new Logger('Queue');
    Object.assign(queue, { onApplicationShutdown: undefined });
    queue.on('error', (error) => logger.warn(`queue: ${error.message}`));

    const { failFast: client, hasFailover } = connections;
    const { redisWaitReplicas: waitReplicas } = config.queue;
    const lockToken = randomBytes(12).toString('base64url');
    const nonce = uniqueNames(lockToken);
    this.failFast = new QueueScriptRunner(client, KEYS);
    this.reconnecting = new QueueScriptRunner(queue.client, KEYS);
    this.server = new ServerHealth(client, this.failFast, { hasFailover, waitReplicas });
    this.acceptance = new Acceptance(client, this.failFast, this.server, waitReplicas, nonce);
    this.deliveries = new Deliveries(
      this.reconnecting,
      () => connections.reconnecting('take'),
      this.acceptance,
      config.queue,
      lockToken,
      nonce,
    );
    this.accounts = new AccountLanes(client, this.failFast);
    this.letters = new DeadLetterStore(queue, this.failFast, this.reconnecting);
    this.unfinished = new UnfinishedSearch(this.failFast);
  }

  override add(notification: FluentNotification, options: AddOptions = {}): Promise<AddResult> {
    return this.acceptance.add(notification, options);
  }

  override take(
    max: number,
    signal: AbortSignal,
    held: HeldSlots = NO_SLOTS_HELD,
  ): Promise<readonly Delivery[]> {
    return this.deliveries.take(max, signal, held);
  }

  override renew(delivery: Delivery): Promise<Delivery> {
    return this.deliveries.renew(delivery);
  }

  override settle(delivery: Delivery, settlement: Settlement): Promise<SettleResult> {
    return this.deliveries.settle(delivery, settlement);
  }

  override async wake(target: string): Promise<void> {
    let left: number;
    do left = await this.reconnecting.run('wake', { jobPrefix: JOB_PREFIX, target });
    while (left > 0);
  }

  override pause(accountId: string, pause: AccountPause): Promise<AccountPause> {
    return this.accounts.pause(accountId, pause);
  }

  override resume(accountId: string): Promise<boolean> {
    return this.accounts.resume(accountId);
  }

  override pauses(): Promise<ReadonlyMap<string, AccountPause>> {
    return this.accounts.pauses();
  }

  override lanes(): Promise<readonly LaneCounts[]> {
    return this.accounts.counts();
  }

  override findUnfinished(search: EntitySearch): Promise<UnfinishedSearchResult> {
    return this.unfinished.find(search);
  }

  override async counts(): Promise<QueueCounts> {
    const [waiting, active, delayed, dead, oldestMs] = await this.failFast.run('count', {
      jobPrefix: JOB_PREFIX,
    });
    const oldestUnfinishedAt = oldestMs === '' ? undefined : new Date(Number(oldestMs));
    return { waiting, active, delayed, dead, oldestUnfinishedAt };
  }

  override health(): Promise<QueueHealth> {
    return this.server.read();
  }

  override deadLetters(page: DeadLetterPage = {}): Promise<readonly DeadLetter[]> {
    return this.letters.page(page);
  }

  override deadLetter(id: string): Promise<DeadLetter | undefined> {
    return this.letters.find(id);
  }

  override replay(id: string): Promise<boolean> {
    return this.letters.replay(id);
  }

  override discard(id: string): Promise<boolean> {
    return this.letters.discard(id);
  }

  /** In place of the hook of @nestjs/bull, which waits for Redis without limit. */
  async onApplicationShutdown(): Promise<void> {
    this.deliveries.close();
    await Promise.race([this.queue.close(true), delay(FAIL_FAST_TIMEOUT_MS, undefined, { ref: false })]);
  }
}
