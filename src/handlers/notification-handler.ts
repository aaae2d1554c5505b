import type { Type } from '@nestjs/common';
import { DiscoveryService } from '@nestjs/core';
import type { Logger } from 'pino';
import type { AccountConfig, ConnectorConfig, RetailerScope } from '../config/index.js';
import { ConfigurationError } from '../errors.js';
import type { FluentNotification } from '../notification/index.js';

/**
 * What a handler gets beside the notification.
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
  /** Whether this run is the recheck after {@link HandlerResult.recheck}, or after an unexpected state. */
  readonly isRecheck: boolean;
}

/** What a handler reports; nothing means `{ outcome: 'updated' }`. */
export interface HandlerResult {
  readonly outcome: 'updated' | 'unchanged' | 'unmapped';
  /** The state in which the handler found the entity; see {@link NotificationHandlerOptions.expectedState}. */
  readonly observedState?: string;
  /**
   * False when the run left work undone that other notifications of the entity may do. They then run, instead of
   * ending as `superseded`. Default: true.
   */
  readonly supersedesPending?: boolean;
  /**
   * True to request one more run after `RECHECK_DELAY`, e.g. because a source had not caught up. That run has
   * {@link HandlerContext.isRecheck}; if it requests another one, the connector ignores that.
   */
  readonly recheck?: boolean;
  /** What the outcome's log line adds: small, and without personal data. */
  readonly details?: Readonly<Record<string, unknown>>;
}

/**
 * Does the work of a notification. It may run more than once for one notification, after a retry or the death of a
 * worker, so it must be safe to repeat.
 *
 * Throw `TransientError` or `ConfigurationError` for a retry, and `PermanentError` for a dead letter. Any other error
 * is retried like a transient one, and its message names the class.
 */
export interface NotificationHandlerContract<TAttributes = undefined> {
  /**
   * @param notification as Fluent sent it. Only its seven required fields have been checked.
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
   * The notification names that the handler serves, or a function that takes them from configuration. If the function
   * returns none, the handler is disabled. A `*` in a name matches any characters (`fc.connect.*`). A handler with the
   * exact name takes precedence over a pattern. Metrics count under the pattern.
   */
  readonly names: string | readonly string[] | ((config: ConnectorConfig) => readonly string[]);
  /** Takes over the names of another handler. Without it, two handlers with one name are a start-up error. */
  readonly replaces?: boolean;
  /**
   * Runs once for each commercetools message, although several retailers share its project: for messages about
   * resources that belong to no retailer yet. It is given the first retailer. Default: once for each retailer.
   */
  readonly oncePerProject?: boolean;
  /**
   * A class with class-validator decorators for the notification's attributes. A notification that breaks their rules
   * becomes a dead letter that names the fields. Attributes that the class does not declare are passed through.
   */
  readonly attributes?: Type<TAttributes>;
  /** The most concurrent runs in each replica; further notifications wait in the queue. Default: unlimited. */
  readonly concurrency?: number;
  /**
   * Milliseconds for one run, or a function that takes them from configuration. Then {@link HandlerContext.signal} is
   * aborted and the notification is retried, even if the handler is still running. Default: 120,000.
   */
  readonly timeoutMs?: number | ((config: ConnectorConfig) => number);
  /**
   * Seconds for which the connector remembers a notification that has ended, or a function that takes them from
   * configuration. A webhook that is sent again within them is a duplicate, and the handler does not run. For
   * handlers with side effects that must not happen twice, because whoever has recorded a signed webhook can send it
   * again at any time. Each remembered notification takes about 0.1 KB of Redis. At most 365 days.
   * Default: `DEDUPE_WINDOW`.
   */
  readonly dedupeWindowSeconds?: number | ((config: ConnectorConfig) => number);
  /**
   * True when waiting notifications of one entity need only one run; the others end as `superseded`. A function
   * returns the key of the entity, or undefined when the notification must run. If the function fails, the
   * notification runs. Default: every notification runs.
   */
  readonly coalesce?: boolean | ((notification: FluentNotification) => string | undefined);
  /**
   * The state that a notification announces. If a run {@link HandlerResult.observedState observes} another one, the
   * notification may have overtaken Fluent's write, so it runs once more after `RECHECK_DELAY`.
   */
  readonly expectedState?: (notification: FluentNotification) => string | undefined;
}

/** Metadata of {@link NotificationHandler}; read by the registry. */
export const HandlerMetadata = DiscoveryService.createDecorator<NotificationHandlerOptions<object>>();

/**
 * Makes an injectable class the handler of notifications by name. A module must provide the class, e.g. with
 * `ConnectorModule.register({ handlers })`.
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
 * A missing decorator must stop the start. Otherwise the notifications would have no handler.
 *
 * @throws ConfigurationError when the class has no {@link NotificationHandler}.
 */
export function requireNotificationHandler(handler: Type): void {
  if (Reflect.hasOwnMetadata(HandlerMetadata.KEY, handler)) return;
  throw new ConfigurationError(
    `${handler.name} is in register({ handlers }) but has no @NotificationHandler; add it, with the names it serves`,
  );
}
