import { Injectable } from '@nestjs/common';
import type { FluentNotification } from '../notification/index.js';
import { MessageQueue, type EnqueueResult } from './message-queue.js';
import { invalidReturn } from '../call-override.js';
import { HandlerRegistry } from '../handlers/handler-registry.js';

/** Hands a checked notification to the queue with what its handler wants the queue to know. */
@Injectable()
export class NotificationIntake {
  constructor(
    private readonly registry: HandlerRegistry,
    private readonly queue: MessageQueue,
  ) {}

  /**
   * Resolves only after the queue has confirmed the notification.
   *
   * @returns `ignored` when no handler has that name.
   * @throws QueueUnavailableError when the queue cannot confirm.
   */
  async submit(notification: FluentNotification): Promise<EnqueueResult | 'ignored'> {
    const handler = this.registry.find(notification.name);
    if (!handler) return 'ignored';
    const result: unknown = await this.queue.enqueue(notification, {
      coalesceKey: handler.coalesceKey(notification),
      announces: handler.announces(notification),
    });
    // Another answer must not become a 200.
    if (result === 'accepted' || result === 'duplicate') return result;
    throw invalidReturn(this.queue, 'enqueue', `neither 'accepted' nor 'duplicate'`);
  }
}
