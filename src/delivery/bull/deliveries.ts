import { Logger } from '@nestjs/common';
import { asError } from '../../errors.js';
import { GatheredCalls } from '../../gathered-calls.js';
import type { RedisClient, ScriptItem } from '../../redis/index.js';
import type { Settlement } from '../decide.js';
import type { Delivery } from '../delivery.js';
import type { HeldSlots } from '../lanes.js';
import type { SettleResult } from '../message-queue.js';
import type { Acceptance } from './acceptance.js';
import {
  EARLIER_DONE_PREFIX,
  JOB_PREFIX,
  KEYS,
  ORDER_KEY_LIFETIME_SECONDS,
  laneOf,
  orderKey,
} from './keys.js';
import type { QueueScriptRunner, QueueScripts, SettleReply } from './scripts.js';
import { deadLetterData, deliveryOf, ticketOf } from './stored-notification.js';

/** How long an idle worker waits before it checks for work that no marker announced. */
const MAX_WAIT_MS = 5000;

/** While a script runs, Redis does nothing else. */
const MAX_SETTLED_TOGETHER = 32;

/** Configuration of the deliveries. */
export interface DeliveryOptions {
  /** After this time without renewal, another worker gets the notification. */
  readonly lockDurationMs: number;
  /** How long a finished notification is remembered, unless its handler says otherwise. */
  readonly dedupeWindowSeconds: number;
}

/** Takes notifications, keeps them locked while they run, and settles them. */
export class Deliveries {
  private readonly logger = new Logger('Queue');
  private readonly held = new Set<string>();
  private readonly timers: NodeJS.Timeout[] = [];
  /** What ends while Redis settles others is settled together. */
  private readonly settling = new GatheredCalls<ScriptItem<QueueScripts['settle']>, SettleReply>(
    (items) => this.settleTogether(items),
    { maxInFlight: 1, maxSize: () => MAX_SETTLED_TOGETHER },
  );
  private blocking?: RedisClient;

  constructor(
    private readonly scripts: QueueScriptRunner,
    private readonly connectBlocking: () => RedisClient,
    private readonly acceptance: Acceptance,
    private readonly config: DeliveryOptions,
    private readonly lockToken: string,
    private readonly nonce: () => string,
  ) {}

  async take(max: number, signal: AbortSignal, held: HeldSlots): Promise<readonly Delivery[]> {
    this.startTimers();
    let onAbort = (): void => undefined;
    const aborted = new Promise<undefined>((resolve) => (onAbort = () => resolve(undefined)));
    signal.addEventListener('abort', onAbort, { once: true });
    try {
      return await this.takeUntil(aborted, max, signal, JSON.stringify(held));
    } finally {
      signal.removeEventListener('abort', onAbort);
    }
  }

  private async takeUntil(
    aborted: Promise<undefined>,
    max: number,
    signal: AbortSignal,
    held: string,
  ): Promise<readonly Delivery[]> {
    for (let waitedMs = 0; waitedMs < MAX_WAIT_MS && !signal.aborted;) {
      const taking = this.takeDue(max, held);
      const taken = await Promise.race([taking, aborted]);
      if (signal.aborted) {
        this.giveBack(taking);
        return [];
      }
      if (!taken || taken.isLeft || taken.deliveries.length > 0) return taken?.deliveries ?? [];
      const startedAt = performance.now();
      await Promise.race([this.untilMarked(Math.min(taken.nextDueInMs, MAX_WAIT_MS - waitedMs)), aborted]);
      waitedMs += performance.now() - startedAt;
    }
    return [];
  }

  private async takeDue(
    max: number,
    held: string,
  ): Promise<{ deliveries: Delivery[]; isLeft: boolean; nextDueInMs: number }> {
    const [isLeft, nextDueInMs, nowMs, taken] = await this.scripts.run('take', {
      jobPrefix: JOB_PREFIX,
      orderPrefix: orderKey(''),
      lockToken: this.lockToken,
      lockMs: this.config.lockDurationMs,
      max,
      held,
      nonce: this.nonce(),
      orderTtlSeconds: ORDER_KEY_LIFETIME_SECONDS,
    });
    const deliveries = taken.map((reply) => deliveryOf(reply, nowMs));
    for (const { id } of deliveries) this.held.add(id);
    return {
      deliveries,
      isLeft: isLeft === 1,
      nextDueInMs: nextDueInMs === '' ? MAX_WAIT_MS : nextDueInMs,
    };
  }

  /** Returns jobs that arrive after their worker has stopped to other workers at once. */
  private giveBack(taking: Promise<{ deliveries: Delivery[] }>): void {
    taking
      .then(async ({ deliveries }) => {
        await Promise.all(
          deliveries.map((delivery) => {
            const { progress, background } = delivery;
            return this.settle(delivery, { action: 'defer', delayMs: 0, progress, background });
          }),
        );
      })
      .catch((error: unknown) => {
        this.logger.warn(
          `queue: notifications wait for their locks to end, for they could not be given back: ${asError(error).message}`,
        );
      });
  }

  /** Resolves when a notification was added, or the time is over. */
  private async untilMarked(timeoutMs: number): Promise<void> {
    this.blocking ??= this.connectBlocking();
    try {
      await this.blocking.bzpopmin(KEYS.marker, Math.max(Math.ceil(timeoutMs), 1) / 1000);
    } catch (error) {
      // The server has become a replica. The next script finds the new master.
      if (!asError(error).message.startsWith('UNBLOCKED')) throw error;
    }
  }

  async renew(delivery: Delivery): Promise<Delivery> {
    const { coalesceKey } = delivery;
    if (coalesceKey === undefined) return delivery;
    const reply = await this.orRelease(delivery, () =>
      this.scripts.run(
        'renewTicket',
        { nonce: this.nonce(), orderTtlSeconds: ORDER_KEY_LIFETIME_SECONDS },
        { order: orderKey(coalesceKey) },
      ),
    );
    return { ...delivery, ...ticketOf(reply) };
  }

  settle(delivery: Delivery, settlement: Settlement): Promise<SettleResult> {
    return this.orRelease(delivery, () => this.settleHeld(delivery, settlement));
  }

  /** A delivery that its worker could not continue is not kept locked: another worker gets it when its lock ends. */
  private async orRelease<T>({ id }: Delivery, work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (error) {
      this.held.delete(id);
      throw error;
    }
  }

  private async settleHeld(delivery: Delivery, settlement: Settlement): Promise<SettleResult> {
    const { id, coalesceKey, ticket } = delivery;
    const { action } = settlement;
    const coverage = 'coverage' in settlement ? settlement.coverage : undefined;
    const isRetry = action === 'retry';
    const isDead = action === 'dead';
    const result = await this.settling.call({
      id,
      coalesceKey: coalesceKey ?? '',
      epoch: ticket.epoch ?? '',
      ticket: ticket.number,
      run: runOf(settlement),
      covered: coverage?.number ?? '',
      observed: coverage?.observedState ?? '',
      notBeforeInMs: isRetry ? settlement.holdKeyMs : '',
      ownAge: isRetry && settlement.hasOwnAge ? 1 : 0,
      action,
      delayMs: 'delayMs' in settlement ? Math.ceil(settlement.delayMs) : 0,
      lane: laneOf(
        delivery.notification,
        'background' in settlement ? (settlement.background ?? false) : delivery.background,
      ),
      parkedFor: action === 'defer' ? (settlement.error?.target ?? '') : '',
      progress: isDead
        ? ''
        : JSON.stringify(action === 'done' ? (settlement.ifOutrun ?? {}) : settlement.progress),
      data: isDead ? JSON.stringify(deadLetterData(delivery, settlement.progress)) : '',
      reason: isDead ? (settlement.progress.error?.message ?? '') : '',
      doneTtlSeconds:
        (action === 'done' ? settlement.dedupeWindowSeconds : undefined) ?? this.config.dedupeWindowSeconds,
    });
    this.held.delete(id);
    if (result !== 'missing') return result;
    await this.restore(delivery);
    return action === 'done' ? 'outrun' : 'settled';
  }

  /** Ends deliveries with one script. */
  private settleTogether(
    items: readonly ScriptItem<QueueScripts['settle']>[],
  ): Promise<QueueScripts['settle']['reply']> {
    const args = {
      jobPrefix: JOB_PREFIX,
      earlierDonePrefix: EARLIER_DONE_PREFIX,
      orderPrefix: orderKey(''),
      lockToken: this.lockToken,
      orderTtlSeconds: ORDER_KEY_LIFETIME_SECONDS,
    };
    return this.scripts.run('settle', args, {}, items);
  }

  /** Redis has lost the notification, but this process still has it. */
  private async restore({
    notification,
    coalesceKey,
    expectedState,
    background,
    trace,
  }: Delivery): Promise<void> {
    this.logger.warn(`queue: Redis lost notification ${notification.id}; it is added again`);
    await this.acceptance.accept(notification, { coalesceKey, expectedState, background, trace });
  }

  /** From the first notification on, this process keeps its locks and looks for jobs of dead workers. */
  private startTimers(): void {
    if (this.timers.length > 0) return;
    const { lockDurationMs } = this.config;
    const logged = (work: Promise<unknown>): void => {
      work.catch((error: unknown) => this.logger.warn(`queue: ${asError(error).message}`));
    };
    const recover = (): void =>
      logged(
        this.scripts.run('recover', {
          jobPrefix: JOB_PREFIX,
          orderPrefix: orderKey(''),
          nonce: this.nonce(),
          orderTtlSeconds: ORDER_KEY_LIFETIME_SECONDS,
        }),
      );
    this.timers.push(
      setInterval(() => logged(this.renewLocks()), lockDurationMs / 2).unref(),
      setInterval(recover, lockDurationMs).unref(),
    );
    recover();
  }

  private async renewLocks(): Promise<void> {
    if (this.held.size === 0) return;
    await this.scripts.run('renewLocks', {
      jobPrefix: JOB_PREFIX,
      lockToken: this.lockToken,
      lockMs: this.config.lockDurationMs,
      ids: JSON.stringify([...this.held]),
    });
  }

  /** Ends the timers, and the wait for the next notification. */
  close(): void {
    for (const timer of this.timers) clearInterval(timer);
    this.blocking?.disconnect();
  }
}

function runOf(settlement: Settlement): 'changed' | 'unchanged' | 'failed' | '' {
  const run = 'run' in settlement ? settlement.run : undefined;
  if (!run) return '';
  if (run.changed === undefined) return 'failed';
  return run.changed ? 'changed' : 'unchanged';
}
