import { Injectable, type OnModuleInit } from '@nestjs/common';
import { ConnectorMetrics } from '../metrics/index.js';
import { MessageQueue, QUEUE_STATES } from '../delivery/index.js';
import { within } from './within.js';

const TIMEOUT_MS = 1000;

/** Asks the queue when Prometheus scrapes. While Redis is away the gauges are absent, not stale. */
@Injectable()
export class QueueGauge implements OnModuleInit {
  constructor(
    private readonly metrics: ConnectorMetrics,
    private readonly queue: MessageQueue,
  ) {}

  onModuleInit(): void {
    const { queueJobs, queueWarnings } = this.metrics;
    const collectJobs = async (): Promise<void> => {
      const counts = await within(TIMEOUT_MS, () => this.queue.counts(), undefined);
      queueJobs.reset();
      if (!counts) return;
      for (const state of QUEUE_STATES) queueJobs.set({ state }, counts[state]);
    };
    const collectWarnings = async (): Promise<void> => {
      const health = await within(TIMEOUT_MS, () => this.queue.health(), undefined);
      queueWarnings.remove();
      if (health?.reachable) queueWarnings.set(health.warnings.length);
    };
    Object.assign(queueJobs, { collect: collectJobs });
    Object.assign(queueWarnings, { collect: collectWarnings });
  }
}
