import type { DeadLetter } from './message-queue.js';

/** Why a notification failed, in the terms of who can heal it. */
export const FAILURE_CAUSES = ['configuration', 'permission', 'data', 'unknown'] as const;
/**
 * One of {@link FAILURE_CAUSES}: a setting or variable of the connector, the credentials or permissions of its user,
 * the order or the notification itself, or anything else, such as an outage.
 */
export type FailureCause = (typeof FAILURE_CAUSES)[number];

/** The codes of errors that wait for an order, and end when it has not come. */
const MISSING_ORDER = /\[(?:Fluent)?OrderNotFound\]$/;

/** Pure: the cause of a failure as it is kept with a dead letter. */
export function causeOf({ name, message, lacksPermission }: DeadLetter['error']): FailureCause {
  if (lacksPermission) return 'permission';
  if (name === 'ConfigurationError') return 'configuration';
  return name === 'PermanentError' || MISSING_ORDER.test(message) ? 'data' : 'unknown';
}
