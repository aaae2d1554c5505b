import { Injectable } from '@nestjs/common';
import { isFromReconciliation, type FluentNotification } from '../notification/index.js';
import { MessageQueue, type AddResult } from './message-queue.js';
import { invalidReturn } from '../call-override.js';
import { HandlerRegistry } from '../handlers/index.js';
import { currentTrace } from '../tracing/index.js';
import { inSendSpan } from './spans.js';
import { UnhandledNotifications } from './unhandled-notifications.js';

/** Adds a checked notification to the queue, with the coalesce key and the expected state of its handler. */
@Injectable()
export class NotificationIntake {
  private readonly listeners: ((notification: FluentNotification) => void)[] = [];

  constructor(
    private readonly registry: HandlerRegistry,
    private readonly queue: MessageQueue,
    private readonly unhandled: UnhandledNotifications,
  ) {}

  /**
   * Calls `listener` for every notification that the queue has confirmed from now on.
   *
   * @param listener must not throw.
   */
  onAccepted(listener: (notification: FluentNotification) => void): void {
    this.listeners.push(listener);
  }

  /**
   * Resolves only after the queue has confirmed the notification.
   *
   * @returns `ignored` when no handler has that name.
   * @throws QueueUnavailableError when the queue cannot confirm.
   */
  async submit(notification: FluentNotification): Promise<AddResult | 'ignored'> {
    const handler = this.registry.find(notification.name);
    if (!handler) {
      this.unhandled.report(notification);
      return 'ignored';
    }
    const result: unknown = await inSendSpan(notification, () =>
      this.queue.add(notification, {
        coalesceKey: handler.coalesceKey(notification),
        expectedState: handler.expectedState(notification),
        background: isFromReconciliation(notification),
        trace: currentTrace(),
      }),
    );
    // Any other result must not become a 200.
    if (result === 'accepted') for (const listener of this.listeners) listener(notification);
    if (result === 'accepted' || result === 'duplicate') return result;
    throw invalidReturn(this.queue, 'add', `neither 'accepted' nor 'duplicate'`);
  }
}
