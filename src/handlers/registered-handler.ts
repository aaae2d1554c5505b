import { Logger, type Type } from '@nestjs/common';
import type { FluentNotification } from '../notification/index.js';
import { HandlerSlots } from './handler-slots.js';
import type { NotificationHandlerContract, NotificationHandlerOptions } from './notification-handler.js';

/** Longer keys would be a way to fill Redis. */
const MAX_TEXT = 1000;

/** A handler as the registry knows it: checked, with its names and time-out taken from configuration. */
export class RegisteredHandler {
  private readonly logger = new Logger('Handlers');
  private readonly complainedOf = new Set<string>();
  /** Undefined when the handler has no limit of its own. */
  readonly slots: HandlerSlots | undefined;

  constructor(
    /** The handler's class, for logs. */
    readonly className: string,
    /** As declared: names and patterns. */
    readonly names: readonly string[],
    readonly timeoutMs: number,
    readonly instance: NotificationHandlerContract<object | undefined>,
    private readonly options: NotificationHandlerOptions<object>,
  ) {
    this.slots = options.concurrency === undefined ? undefined : new HandlerSlots(options.concurrency);
  }

  get replaces(): boolean {
    return this.options.replaces ?? false;
  }

  get attributesClass(): Type<object> | undefined {
    return this.options.attributes;
  }

  /** @returns what the notification is coalesced by, unique per handler and account. */
  coalesceKey(notification: FluentNotification): string | undefined {
    const { coalesce } = this.options;
    if (!coalesce) return undefined;
    const { accountId, retailerId, entityType, entityId } = notification;
    const entity =
      coalesce === true ? `${entityType}:${entityId}` : this.text('coalesce', () => coalesce(notification));
    return entity === undefined ? undefined : JSON.stringify([this.className, accountId, retailerId, entity]);
  }

  expectedState(notification: FluentNotification): string | undefined {
    const { expectedState } = this.options;
    return expectedState && this.text('expectedState', () => expectedState(notification));
  }

  /**
   * Both functions only spare work: when one of them fails, the webhook must be accepted all the same,
   * and the notification is run like any other. Complaints are made once, not for each webhook.
   */
  private text(option: string, call: () => unknown): string | undefined {
    let problem: string;
    try {
      const value = call();
      if (value === undefined || (typeof value === 'string' && value.length <= MAX_TEXT)) return value;
      // An async function may fail later, when nobody listens any more.
      if (value instanceof Promise) value.catch(() => undefined);
      problem = `gave neither undefined nor text of at most ${MAX_TEXT} characters`;
    } catch (error) {
      problem = `failed: ${String(error)}`;
    }
    if (!this.complainedOf.has(option)) {
      this.complainedOf.add(option);
      this.logger.error(`${option} of ${this.className} ${problem}; such notifications go on without it`);
    }
    return undefined;
  }
}
