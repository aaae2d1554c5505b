import { type Command, Option } from 'commander';
import type { FailureCause } from '../delivery/index.js';
import type { DeadLetterFilter } from '../admin/index.js';
import { toDate } from './arguments.js';

/** Options that select dead letters. */
export interface FilterOptions {
  readonly account?: string;
  readonly name?: string;
  readonly order?: string;
  readonly error?: string;
  readonly cause?: DeadLetterFilter['cause'];
  readonly after?: Date;
  readonly before?: Date;
}

/** Named here: the module that defines them loads the queue, which takes longer than a request to a connector. */
const CAUSES: Readonly<Record<FailureCause, true>> = {
  configuration: true,
  permission: true,
  data: true,
  unknown: true,
};

export function withFilterOptions(command: Command): Command {
  return command
    .option('--account <id>', 'Fluent account')
    .option('--name <name>', 'name of the notification')
    .option('--order <ref>', "the order's ref or id in Fluent")
    .option('--error <class>', 'class of the error, e.g. ConfigurationError')
    .addOption(new Option('--cause <cause>', 'who can correct it').choices(Object.keys(CAUSES)))
    .option('--after <time>', 'failed for good at or after this time (ISO 8601)', toDate)
    .option('--before <time>', 'failed for good before this time (ISO 8601)', toDate);
}

/** @returns the filter as the admin API takes it; it has only what was given. */
export function filterOf({
  account,
  name,
  order,
  error,
  cause,
  after,
  before,
}: FilterOptions): DeadLetterFilter {
  const filter = {
    account,
    name,
    order,
    error,
    cause,
    diedAfter: after?.toISOString(),
    diedBefore: before?.toISOString(),
  };
  return Object.fromEntries(Object.entries(filter).filter(([, value]) => value !== undefined));
}
