import { InvalidArgumentError } from 'commander';

/** @throws InvalidArgumentError unless the text is a time. */
export function toDate(text: string): Date {
  const date = new Date(text);
  if (Number.isNaN(date.getTime()))
    throw new InvalidArgumentError('must be ISO 8601, e.g. 2026-03-01T08:00:00Z');
  return date;
}

/** @throws InvalidArgumentError unless the text is a whole number from 1. */
export function toLimit(text: string): number {
  const limit = Number(text);
  if (!Number.isInteger(limit) || limit < 1) throw new InvalidArgumentError('must be a whole number from 1');
  return limit;
}
