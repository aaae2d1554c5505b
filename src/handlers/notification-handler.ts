import type { Type } from '@nestjs/common';
import { DiscoveryService } from '@nestjs/core';
import type { Logger } from 'pino';
import type { ConnectorConfig, RetailerScope } from '../config/index.js';
import { ConfigurationError } from '../errors.js';
import type { FluentNotification } from '../notification/index.js';

/** What a handler is given beside the notification. */
export interface HandlerContext {
  /** Account, retailer, commercetools project and their options. */
  readonly scope: RetailerScope;
  /** Bound to the notification: every line carries its id, account and name. */
  readonly logger: Logger;
  /** Aborted at shutdown; pass it on to every call. */
  readonly signal: AbortSignal;
  /** Counts from 1. */
  readonly attempt: number;
  readonly acceptedAt: Date;
}

/** What a handler reports; nothing means `{ outcome: 'updated' }`. */
export interface HandlerResult {
  readonly outcome: 'updated' | 'unchanged' | 'unmapped';
  /** The state of the entity that the handler saw; see {@link NotificationHandlerOptions.announces}. */
  readonly saw?: string;
}

/**
 * Does the work of a notification. It may run more than once for one notification (a worker died, a
 * retry), so it must be safe to repeat.
 *
 * Throw `TransientError` or `ConfigurationError` to be retried, `PermanentError` for the dead letter.
 */
export interface NotificationHandlerContract {
  handle(notification: FluentNotification, context: HandlerContext): Promise<HandlerResult | void>;
}

export interface NotificationHandlerOptions {
  /** The notification names it serves; a function when they come from configuration. */
  readonly names: string | readonly string[] | ((config: ConnectorConfig) => readonly string[]);
  /** Takes its names over from another handler, which would be a start-up error without it. */
  readonly replaces?: boolean;
  /**
   * Notifications of one entity that wait together need one run; the others end as `superseded`. A function
   * gives the key of what is handled, or undefined when the notification must be run. Default: every
   * notification counts.
   */
  readonly coalesce?: boolean | ((notification: FluentNotification) => string | undefined);
  /**
   * The state that a notification announces. When the run {@link HandlerResult.saw} another one, the
   * notification may have overtaken Fluent's own write, and is run once more after `LOOK_AGAIN_DELAY`.
   */
  readonly announces?: (notification: FluentNotification) => string | undefined;
}

/** Metadata of {@link NotificationHandler}; read by the registry. */
export const HandlerMetadata = DiscoveryService.createDecorator<NotificationHandlerOptions>();

/**
 * Makes an injectable class the handler of notifications by name.
 *
 * @example
 * NotificationHandler('fc.connect.parcel-shipped')
 * class ParcelShipped implements NotificationHandlerContract { … }
 */
export function NotificationHandler(
  selector: string | readonly string[] | NotificationHandlerOptions,
): ClassDecorator {
  const options =
    typeof selector === 'string' || Array.isArray(selector)
      ? { names: selector }
      : (selector as NotificationHandlerOptions);
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
