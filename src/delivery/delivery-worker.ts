import { setImmediate as endOfTurn, setTimeout as delay } from 'node:timers/promises';
import { Injectable, Logger, type OnApplicationBootstrap, type OnModuleDestroy } from '@nestjs/common';
import { ConnectorConfig } from '../config/index.js';
import { HandlerRunner } from '../handlers/index.js';
import {
  decide,
  reportOf,
  type DeliveryEvent,
  type DeliveryPolicy,
  type RunReport,
  type Settlement,
} from './decide.js';
import { acceptedAtMs, attemptOf, type Delivery } from './delivery.js';
import { type KeyHold, KeyedMutex } from './keyed-mutex.js';
import { Slots } from './lanes.js';
import { MessageQueue } from './message-queue.js';
import { RunReports } from './run-reports.js';
import { inDeliverySpan } from './spans.js';

type RunEvent = Exclude<DeliveryEvent, { type: 'taken' }>;
/** Milliseconds since the epoch by the store's clock. */
type Clock = () => number;

/** A delivery waits this long for another run of its key. Then other keys get its place. */
const MAX_KEY_WAIT_MS = 2000;
/** How long handlers that honour the abort signal have to end, after the time for running work is over. */
const INTERRUPTED_MS = 1000;
/** Between attempts to take notifications from a queue that fails: doubled each time, up to the longest. */
const FIRST_PAUSE_MS = 100;
const LONGEST_PAUSE_MS = 5000;
/** How soon a worker checks again if it must keep its free slots for others and no delivery ends earlier. */
const KEPT_SLOTS_MS = 50;

/**
 * Takes notifications from the queue, runs their handlers, and settles each delivery as the policy decides.
 */
@Injectable()
export class DeliveryWorker implements OnApplicationBootstrap, OnModuleDestroy {
  private readonly logger = new Logger('Queue');
  private readonly keys = new KeyedMutex();
  private running = 0;
  /** Called when the next run ends. */
  private readonly waiting = new Set<() => void>();
  private readonly slots: Slots;
  private readonly stopTaking = new AbortController();
  private readonly interrupt = new AbortController();
  private readonly policy: DeliveryPolicy;
  private taking: Promise<void> = Promise.resolve();

  constructor(
    private readonly queue: MessageQueue,
    private readonly runner: HandlerRunner,
    private readonly config: ConnectorConfig,
    private readonly reports: RunReports,
  ) {
    this.policy = config.queue;
    this.slots = new Slots(config.queue.concurrency, config.accounts.length > 1);
  }

  onApplicationBootstrap(): void {
    if (this.config.role !== 'ingress') this.taking = this.takeUntilStopped();
  }

  /** An application that embeds the connector only closes it. */
  async onModuleDestroy(): Promise<void> {
    if (!this.stopTaking.signal.aborted) await this.drain(this.config.server.shutdownTimeoutSeconds * 1000);
  }

  /**
   * Stops taking notifications. Resolves when running ones have ended or `timeoutMs` has passed. The runs that remain are
   * interrupted, and another worker gets their notifications.
   */
  async drain(timeoutMs: number): Promise<void> {
    this.stopTaking.abort();
    await this.ended(timeoutMs);
    if (this.running === 0) return;
    this.logger.warn(`${this.running} notifications did not end in time; another worker takes them over`);
    this.interrupt.abort(new Error('shutting down'));
    await this.ended(INTERRUPTED_MS);
  }

  private async takeUntilStopped(): Promise<void> {
    const { signal } = this.stopTaking;
    let pauseMs = FIRST_PAUSE_MS;
    while (!signal.aborted) {
      if (this.slots.free === 0) {
        await this.untilOneEnds();
        // Operations share requests, so runs end in groups: their slots are filled by one call.
        await endOfTurn();
        continue;
      }
      try {
        const deliveries = await this.queue.take(this.slots.free, signal, this.slots.held);
        for (const delivery of deliveries) void this.start(delivery);
        if (deliveries.length === 0 && this.running > 0) await this.untilOneEnds(KEPT_SLOTS_MS);
        pauseMs = FIRST_PAUSE_MS;
      } catch (error) {
        this.logger.warn(`queue: could not take notifications: ${String(error)}`);
        await delay(pauseMs, undefined, { signal }).catch(() => undefined);
        pauseMs = Math.min(pauseMs * 2, LONGEST_PAUSE_MS);
      }
    }
  }

  /** A race of all running promises would add a reaction to each of them whenever one ends. */
  private untilOneEnds(timeoutMs?: number): Promise<void> {
    return new Promise((resolve) => {
      const wake = (): void => {
        clearTimeout(timer);
        this.waiting.delete(wake);
        resolve();
      };
      const timer = timeoutMs === undefined ? undefined : setTimeout(wake, timeoutMs);
      this.waiting.add(wake);
    });
  }

  private async start(delivery: Delivery): Promise<void> {
    const release = this.slots.hold(delivery);
    const takenAt = performance.now();
    // The store's clock: the clock of this process may be ahead or behind.
    const now = (): number => delivery.takenAtMs + (performance.now() - takenAt);
    this.running++;
    try {
      await inDeliverySpan(delivery, () => this.deliver(delivery, now));
    } catch (error) {
      // It stays reserved until its lock ends, and is delivered again.
      this.logger.warn(
        `queue: could not settle notification ${delivery.notification.id}, it is delivered again: ${String(error)}`,
      );
    } finally {
      release();
      this.running--;
      for (const wake of this.waiting) wake();
    }
  }

  private async deliver(delivery: Delivery, now: Clock): Promise<RunReport | undefined> {
    const { coalesceKey } = delivery;
    let hold: KeyHold | undefined;
    if (coalesceKey !== undefined) {
      hold = this.keys.tryAcquire(coalesceKey) ?? (await this.keys.acquire(coalesceKey, MAX_KEY_WAIT_MS));
      if (!hold) return this.settle(delivery, decide(delivery, { type: 'busy' }, this.policy, now()), now);
    }
    try {
      const current = hold?.hasWaited ? await this.queue.renew(delivery) : delivery;
      const before = decide(current, { type: 'taken' }, this.policy, now());
      const settlement =
        before.action === 'run' ? decide(current, await this.run(current), this.policy, now()) : before;
      return await this.settle(current, settlement, now);
    } finally {
      hold?.release();
    }
  }

  private run(delivery: Delivery): Promise<RunEvent> {
    const { signal } = this.interrupt;
    const context = {
      attempt: attemptOf(delivery),
      acceptedAt: new Date(acceptedAtMs(delivery)),
      isRecheck: delivery.progress.firstRun !== undefined,
      signal,
    };
    return this.runner
      .run(delivery.notification, context)
      .catch((error: unknown) => (signal.aborted ? { type: 'interrupted' } : { type: 'failed', error }));
  }

  private async settle(
    delivery: Delivery,
    settlement: Settlement,
    now: Clock,
  ): Promise<RunReport | undefined> {
    const result = await this.queue.settle(delivery, this.withDedupeWindow(delivery, settlement));
    if (result === 'outrun') return undefined;
    const report = reportOf(delivery, settlement, now());
    if (report) this.reports.publish(report, delivery);
    return report;
  }

  private withDedupeWindow({ notification }: Delivery, settlement: Settlement): Settlement {
    if (settlement.action !== 'done') return settlement;
    const dedupeWindowSeconds = this.runner.dedupeWindowSeconds(notification.name);
    return dedupeWindowSeconds === undefined ? settlement : { ...settlement, dedupeWindowSeconds };
  }

  private async ended(timeoutMs: number): Promise<void> {
    const timeUp = new AbortController();
    const all = (async () => {
      await this.taking;
      while (this.running > 0 && !timeUp.signal.aborted) await this.untilOneEnds();
    })();
    await Promise.race([all, delay(timeoutMs, undefined, { signal: timeUp.signal }).catch(() => undefined)]);
    timeUp.abort();
  }
}
