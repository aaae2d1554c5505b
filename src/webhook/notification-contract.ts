import type { FluentNotification } from '../notification/index.js';

const REQUIRED = ['id', 'name', 'accountId', 'retailerId', 'entityId', 'entityRef', 'entityType'] as const;

/** Far more than any name or reference in the field, far less than what would hurt a key or a log line. */
const MAX_LENGTH = 512;

/** One broken rule of the notification contract. */
export interface ContractViolation {
  readonly field: string;
  readonly message: string;
}

/**
 * Checks the seven required fields. Nothing else is looked at: on the wire the optional fields have other
 * types than in the published schema, and unknown ones occur.
 *
 * @returns all violations at once; none means that the body is a notification.
 */
export function violationsOf(body: Readonly<Record<string, unknown>>): ContractViolation[] {
  const violations: ContractViolation[] = [];
  for (const field of REQUIRED) {
    const message = violationOf(Object.hasOwn(body, field) ? body[field] : undefined);
    if (message !== undefined) violations.push({ field, message });
  }
  return violations;
}

/** Narrows a body for which {@link violationsOf} found nothing. */
export function asNotification(body: Readonly<Record<string, unknown>>): FluentNotification {
  return body as FluentNotification;
}

/** @returns what is wrong with a required text, or undefined. */
export function violationOf(value: unknown): string | undefined {
  if (value === undefined) return 'is missing';
  if (typeof value !== 'string') return 'must be a string';
  if (value.length > MAX_LENGTH) return `must have at most ${MAX_LENGTH} characters`;
  if (value.trim() === '') return 'must not be blank';
  return undefined;
}
