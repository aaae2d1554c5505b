import { requiredTextViolation, type FieldViolation } from '../http/index.js';
import type { FluentNotification } from '../notification/index.js';

const REQUIRED = ['id', 'name', 'accountId', 'retailerId', 'entityId', 'entityRef', 'entityType'] as const;

/**
 * Checks the seven required fields. Optional fields are not checked: Fluent sends them with other types than its
 * schema publishes, and sends fields that the schema does not have.
 *
 * @returns all violations; an empty list means that the body is a notification.
 */
export function violationsOf(body: Readonly<Record<string, unknown>>): FieldViolation[] {
  const violations: FieldViolation[] = [];
  for (const field of REQUIRED) {
    const message = requiredTextViolation(Object.hasOwn(body, field) ? body[field] : undefined);
    if (message !== undefined) violations.push({ field, message });
  }
  return violations;
}

/** Narrows a body for which {@link violationsOf} returned an empty list. */
export function asNotification(body: Readonly<Record<string, unknown>>): FluentNotification {
  return body as FluentNotification;
}
