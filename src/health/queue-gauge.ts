import { Injectable, type OnModuleInit } from '@nestjs/common';
import { ConnectorConfig } from '../config/index.js';
import { ConnectorMetrics } from '../metrics/index.js';
import { MessageQueue, QUEUE_STATES, type QueueCounts } from '../delivery/index.js';
import { ageSeconds } from './age-seconds.js';
import { within } from './within.js';

const TIMEOUT_MS = 1000;

/** Reads the queue's counts when Prometheus scrapes. While Redis is down, the gauges are absent instead of stale. */
@Injectable()
export class QueueGauge implements OnModuleInit {
  private counting: Promise<QueueCounts | undefined> | undefined;

  constructor(
    private readonly metrics: ConnectorMetrics,
    private readonly queue: MessageQueue,
    private readonly config: ConnectorConfig,
  ) {}

  onModuleInit(): void {
    const { queueJobs, oldestUnfinished, queueWarnings, accountPaused } = this.metrics;
    const collectJobs = async (): Promise<void> => {
      const counts = await this.countOnce();
      queueJobs.reset();
      if (!counts) return;
      for (const state of QUEUE_STATES) queueJobs.set({ state }, counts[state]);
    };
    const collectOldest = async (): Promise<void> => {
      const counts = await this.countOnce();
      oldestUnfinished.remove();
      if (counts) oldestUnfinished.set(ageSeconds(counts.oldestUnfinishedAt));
    };
    const collectWarnings = async (): Promise<void> => {
      const health = await within(TIMEOUT_MS, () => this.queue.health(), undefined);
      queueWarnings.remove();
      if (health?.reachable) queueWarnings.set(health.warnings.length);
    };
    const collectPauses = async (): Promise<void> => {
      const pauses = await within(TIMEOUT_MS, () => this.queue.pauses(), undefined);
      accountPaused.reset();
      if (!pauses) return;
      for (const { id } of this.config.accounts) accountPaused.set({ account: id }, pauses.has(id) ? 1 : 0);
    };
    Object.assign(accountPaused, { collect: collectPauses });
    Object.assign(queueJobs, { collect: collectJobs });
    Object.assign(oldestUnfinished, { collect: collectOldest });
    Object.assign(queueWarnings, { collect: collectWarnings });
  }

  /** All gauges of a scrape share one call. */
  private countOnce(): Promise<QueueCounts | undefined> {
    this.counting ??= within(TIMEOUT_MS, () => this.queue.counts(), undefined).finally(() => {
      this.counting = undefined;
    });
    return this.counting;
  }
}
