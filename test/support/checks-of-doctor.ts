/** What `doctor` checks when it is not told which, and no order is named. Written down here, not taken from the code. */
export const CHECKS_OF_DOCTOR = [
  'configuration',
  'redis',
  'queue',
  'webhook-keys',
  'fluent',
  'mappings',
  'commercetools',
  'hooks',
  'clock',
] as const;
