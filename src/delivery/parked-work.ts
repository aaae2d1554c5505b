import { Injectable, Logger, type OnModuleInit } from '@nestjs/common';
import { CircuitBreakers } from '../transport/index.js';
import { MessageQueue } from './message-queue.js';

/** Wakes the notifications that wait for a target as soon as a probe of its circuit succeeds. */
@Injectable()
export class ParkedWork implements OnModuleInit {
  private readonly logger = new Logger('Queue');

  constructor(
    private readonly breakers: CircuitBreakers,
    private readonly queue: MessageQueue,
  ) {}

  onModuleInit(): void {
    this.breakers.onClose((target) => {
      this.queue.wake(target).catch((error: unknown) => {
        this.logger.warn(`queue: notifications that wait for ${target} keep their delays: ${String(error)}`);
      });
    });
  }
}
