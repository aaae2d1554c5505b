import { Injectable, Logger, type OnApplicationBootstrap, type OnModuleDestroy } from '@nestjs/common';
import { MessageQueue, type QueueHealth } from '../delivery/index.js';
import { within } from './within.js';

const TIMEOUT_MS = 1500;
const ASK_AGAIN_MS = 1000;
const NO_ANSWER: QueueHealth = { reachable: false, warnings: [] };

/** Logs once after the start if the queue could lose notifications. */
@Injectable()
export class QueueWarnings implements OnApplicationBootstrap, OnModuleDestroy {
  private readonly logger = new Logger('Queue');
  private askAgain: NodeJS.Timeout | undefined;
  private isOver = false;

  constructor(private readonly queue: MessageQueue) {}

  onApplicationBootstrap(): void {
    void this.warn();
  }

  onModuleDestroy(): void {
    this.isOver = true;
    clearTimeout(this.askAgain);
  }

  private async warn(): Promise<void> {
    const { reachable, warnings } = await within(TIMEOUT_MS, () => this.queue.health(), NO_ANSWER);
    if (this.isOver) return;
    for (const warning of reachable ? warnings : []) this.logger.warn(warning);
    if (!reachable) this.askAgain = setTimeout(() => void this.warn(), ASK_AGAIN_MS).unref();
  }
}
