import type { Type } from '@nestjs/common';
import { DiscoveryService } from '@nestjs/core';
import type { Logger } from 'pino';
import type { AccountConfig, ConnectorConfig, RetailerScope } from '../config/index.js';
import { ConfigurationError } from '../errors.js';
import type { FluentNotification } from '../notification/index.js';

/**
 * What a handler is given beside the notification.
 *
 * @typeParam TAttributes the class given as {@link NotificationHandlerOptions.attributes}
 */
export interface HandlerContext<TAttributes = undefined> {
  /** Account, retailer, commercetools project and their options. */
  readonly scope: RetailerScope;
  /** The Fluent account, as `scope.account`. It holds credentials: do not log it. */
  readonly account: AccountConfig;
  /** The Fluent retailer, as `scope.retailerId`. */
  readonly retailerId: string;
  /** The notification's attributes, validated; undefined when the handler declares no class for them. */
  readonly attributes: TAttributes;
  /** Bound to the notification: every line carries its id, account and name. */
  readonly logger: Logger;
  /** Aborted at shutdown and when the handler's time is up; pass it on to every call. */
  readonly signal: AbortSignal;
  /** Counts from 1. */
  readonly attempt: number;
  /** When the connector accepted the notification. */
  readonly acceptedAt: Date;
  /** Whether this run only looks again after {@link HandlerResult.recheck}, or after an unexpected state. */
  readonly isRecheck: boolean;
}

/** What a handler reports; nothing means `{ outcome: 'updated' }`. */
export interface HandlerResult {
  readonly outcome: 'updated' | 'unchanged' | 'unmapped';
  /** The state in which the handler found the entity; see {@link NotificationHandlerOptions.expectedState}. */
  readonly observedState?: string;
  /**
   * False when the run gave up before it did what other notifications of the entity wait for. They are then
   * run all the same, instead of ending as `superseded`. Default: true.
   */
  readonly supersedesPending?: boolean;
  /**
   * True when the run wants one more run after `RECHECK_DELAY`, e.g. because a source had not caught up. The
   * next run has {@link HandlerContext.isRecheck}; a further request from it is ignored.
   */
  readonly recheck?: boolean;
  /** What the outcome's log line adds: small, and without personal data. */
  readonly details?: Readonly<Record<string, unknown>>;
}

/**
 * Does the work of a notification. It may run more than once for one notification (a worker died, a
 * retry), so it must be safe to repeat.
 *
 * Throw `TransientError` or `ConfigurationError` to be retried, `PermanentError` for the dead letter. Any
 * other error is retried like a transient one, under the name of the class.
 */
export interface NotificationHandlerContract<TAttributes = undefined> {
  /**
   * @param notification as Fluent sent it: of its fields only the seven required ones were checked.
   * @returns how it ended; nothing means `{ outcome: 'updated' }`.
   */
  handle(
    notification: FluentNotification,
    context: HandlerContext<TAttributes>,
  ): Promise<HandlerResult | void>;
}

/** Options of {@link NotificationHandler}. */
export interface NotificationHandlerOptions<TAttributes = undefined> {
  /**
   * The notification names it serves; a function when they come from configuration, which switches the
   * handler off by giving none. A `*` in a name stands for any characters (`fc.connect.*`). A handler of the
   * exact name goes before one of a pattern. Metrics count what a pattern matched under the pattern.
   */
  readonly names: string | readonly string[] | ((config: ConnectorConfig) => readonly string[]);
  /** Takes its names over from another handler, which would be a start-up error without it. */
  readonly replaces?: boolean;
  /**
   * A class with class-validator rules for the notification's attributes. A notification that breaks them
   * becomes a dead letter that names the fields; what the class does not mention is let through.
   */
  readonly attributes?: Type<TAttributes>;
  /** At most so many at once per replica; the others wait in the queue. Default: no limit of its own. */
  readonly concurrency?: number;
  /**
   * Milliseconds for one run, then {@link HandlerContext.signal} is aborted and the notification is retried,
   * even if the handler goes on. A function when it comes from configuration. Default: 120,000.
   */
  readonly timeoutMs?: number | ((config: ConnectorConfig) => number);
  /**
   * Notifications of one entity that wait together need one run; the others end as `superseded`. A function
   * gives the key of what is handled, or undefined when the notification must be run. Should it fail, the
   * notification is run. Default: every notification counts.
   */
  readonly coalesce?: boolean | ((notification: FluentNotification) => string | undefined);
  /**
   * The state that a notification announces. When a run has {@link HandlerResult.observedState observed} another
   * one, the notification may have overtaken Fluent's own write, and runs once more after `RECHECK_DELAY`.
   */
  readonly expectedState?: (notification: FluentNotification) => string | undefined;
}

/** Metadata of {@link NotificationHandler}; read by the registry. */
export const HandlerMetadata = DiscoveryService.createDecorator<NotificationHandlerOptions<object>>();

/**
 * Makes an injectable class the handler of notifications by name. The class must be provided somewhere,
 * e.g. in `ConnectorModule.register({ handlers })`.
 *
 * @example
 * class ParcelShippedAttributes {
 *   @IsString() TrackingNumber!: string;
 * }
 *
 * @NotificationHandler({ names: 'fc.connect.parcel-shipped', attributes: ParcelShippedAttributes })
 * export class ParcelShipped {
 *   async handle(notification: FluentNotification, context: HandlerContext<ParcelShippedAttributes>) {
 *     context.logger.info({ tracking: context.attributes.TrackingNumber }, 'shipped');
 *   }
 * }
 */
export function NotificationHandler<TAttributes = undefined>(
  selector: string | readonly string[] | NotificationHandlerOptions<TAttributes>,
): (handler: Type<NotificationHandlerContract<TAttributes>>) => void {
  const options =
    typeof selector === 'string' || Array.isArray(selector)
      ? { names: selector }
      : (selector as NotificationHandlerOptions<object>);
  return HandlerMetadata(options);
}

/**
 * A forgotten decorator must stop the start, or notifications would be left to nobody.
 *
 * @throws ConfigurationError when the class has no {@link NotificationHandler}.
 */
export function requireNotificationHandler(handler: Type): void {
  if (Reflect.hasOwnMetadata(HandlerMetadata.KEY, handler)) return;
  throw new ConfigurationError(
    `${handler.name} is in register({ handlers }) but has no @NotificationHandler; add it, with the names it serves`,
  );
}
