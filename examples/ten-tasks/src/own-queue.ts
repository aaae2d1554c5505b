import {
  MemoryMessageQueue,
  type AddOptions,
  type AddResult,
  type FluentNotification,
} from 'fluent-commercetools-connector';

/** A queue that counts what each account sends. In production, extend `MessageQueue` for your broker. */
export class CountingQueue extends MemoryMessageQueue {
  readonly accepted = new Map<string, number>();

  override async add(notification: FluentNotification, options?: AddOptions): Promise<AddResult> {
    const result = await super.add(notification, options);
    const { accountId } = notification;
    if (result !== 'duplicate') this.accepted.set(accountId, (this.accepted.get(accountId) ?? 0) + 1);
    return result;
  }
}
