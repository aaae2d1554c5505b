import { Injectable, type OnModuleInit } from '@nestjs/common';
import { ConnectorMetrics } from '../metrics/index.js';
import { MessageQueue } from '../queue/index.js';
import { within } from './within.js';

const TIMEOUT_MS = 1000;

/** Counts the queue when Prometheus scrapes. While Redis is away the gauge is absent, not stale. */
@Injectable()
export class QueueGauge implements OnModuleInit {
  constructor(
    private readonly metrics: ConnectorMetrics,
    private readonly queue: MessageQueue,
  ) {}

  onModuleInit(): void {
    const gauge = this.metrics.queueJobs;
    const collect = async (): Promise<void> => {
      const counts = await within(TIMEOUT_MS, () => this.queue.counts(), undefined);
      gauge.reset();
      for (const [state, count] of Object.entries(counts ?? {})) gauge.set({ state }, count);
    };
    Object.assign(gauge, { collect });
  }
}
