import type { FailureClass } from '../transport/index.js';

/** How errors with a code of Fluent are treated. */
export interface FluentErrorRule {
  /** A code such as `C0011E`; in a family, dots stand for any digit and for `E` (error) or `W` (warning). */
  readonly code: string;
  readonly failureClass: FailureClass;
  /** What Fluent reports with it. */
  readonly meaning: string;
}

/**
 * Fluent's error codes, from its documentation. The first rule that fits any code of an answer decides. docs/fluent-api.md
 * shows the same table.
 */
export const FLUENT_ERROR_RULES: readonly FluentErrorRule[] = [
  { code: 'C0011E', failureClass: 'outage', meaning: 'the rate limit is reached' },
  { code: 'S0002E', failureClass: 'fault', meaning: 'a service of Fluent failed' },
  { code: 'S0020E', failureClass: 'fault', meaning: 'a service of Fluent failed' },
  { code: 'S0040E', failureClass: 'fault', meaning: 'a service of Fluent failed' },
  { code: 'C0003E', failureClass: 'transient', meaning: 'a limit that passes, to be tried again' },
  { code: 'C0020E', failureClass: 'configuration', meaning: 'the user lacks a permission' },
  { code: 'C0001E', failureClass: 'permanent', meaning: 'the query is too complex' },
  { code: 'C0100E', failureClass: 'permanent', meaning: 'a date is not a valid UTC date' },
  { code: 'C0101E', failureClass: 'permanent', meaning: 'a date range has neither from nor to' },
  { code: 'C0102E', failureClass: 'permanent', meaning: 'a date range lacks from or to' },
  { code: 'C0103E', failureClass: 'permanent', meaning: 'a date range is too long' },
  { code: 'C0120E', failureClass: 'permanent', meaning: 'the entity to change does not exist' },
  { code: 'T.....', failureClass: 'fault', meaning: 'a system that Fluent calls failed' },
  { code: 'S.....', failureClass: 'fault', meaning: 'Fluent itself failed' },
  { code: 'C.....', failureClass: 'permanent', meaning: 'the request is wrong' },
];

/** Whether a rule is for a family of codes, rather than for one code. */
export function isFamily({ code }: FluentErrorRule): boolean {
  return code.includes('.');
}
