/** Longer than any name or reference in the field, and short enough for a Redis key or a log line. */
const MAX_LENGTH = 512;

/** One broken rule of a request body. */
export interface FieldViolation {
  readonly field: string;
  readonly message: string;
}

/** @returns what is wrong with the value of a required text field, or undefined when nothing is. */
export function requiredTextViolation(value: unknown): string | undefined {
  if (value === undefined) return 'is missing';
  if (typeof value !== 'string') return 'must be a string';
  if (value.length > MAX_LENGTH) return `must have at most ${MAX_LENGTH} characters`;
  if (value.trim() === '') return 'must not be blank';
  return undefined;
}
