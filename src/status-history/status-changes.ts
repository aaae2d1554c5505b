import type { FluentEventRecord } from '../fluent-events/index.js';
import { asJsonObject, isJsonObject, isNonEmptyText } from '../json.js';

/** A status change in the audit log. */
export interface StatusChange {
  /** The id of the audit event. */
  readonly id: string;
  readonly status: string;
  /** Milliseconds since the epoch: thousands of changes are cached, and a `Date` takes a hundred bytes. */
  readonly at: number;
}

/** Only a rule that has run successfully changes the status. */
const DONE: ReadonlySet<unknown> = new Set(['SUCCESS', 'COMPLETE']);
const UUID_V1 = /^([\da-f]{8})-([\da-f]{4})-1([\da-f]{3})-[89ab][\da-f]{3}-[\da-f]{12}$/i;

/** Whether an audit event belongs to a rule that sets the status. */
export function isStatusChange({ name, eventStatus }: FluentEventRecord, rules: readonly string[]): boolean {
  return DONE.has(eventStatus) && rules.some((suffix) => name.endsWith(suffix));
}

/**
 * Pure: the status change in the audit event of a rule that sets the status.
 *
 * @returns undefined when the event does not contain the status or its time.
 */
export function readStatusChange(event: FluentEventRecord): StatusChange | undefined {
  const { status } = asJsonObject(parsed(valueOf(event.attributes, 'props')));
  const at = new Date(event.generatedOn ?? Number.NaN).getTime();
  if (!isNonEmptyText(status)) return undefined;
  if (event.id === '' || Number.isNaN(at)) return undefined;
  return { id: event.id, status, at };
}

/** Sorts changes by time. Changes of the same millisecond are sorted by their id, if it contains a more exact time. */
export function byTime(one: StatusChange, other: StatusChange): number {
  const difference = one.at - other.at;
  if (difference !== 0) return difference;
  const [oneTime, otherTime] = [timeInId(one.id), timeInId(other.id)];
  if (oneTime === undefined || otherTime === undefined || oneTime === otherTime) return 0;
  return oneTime < otherTime ? -1 : 1;
}

/** @returns the time of a UUID of version 1 as text that sorts, or undefined when it is another id. */
function timeInId(id: string): string | undefined {
  const [, low, middle, high] = UUID_V1.exec(id) ?? [];
  return high === undefined ? undefined : `${high}${middle}${low}`.toLowerCase();
}

/** Fluent documents attributes as a list of names and values. An object is accepted as well. */
function valueOf(attributes: unknown, name: string): unknown {
  if (!Array.isArray(attributes)) return asJsonObject(attributes)[name];
  const attribute: unknown = attributes.find((each) => isJsonObject(each) && each['name'] === name);
  return asJsonObject(attribute)['value'];
}

function parsed(value: unknown): unknown {
  if (typeof value !== 'string') return value;
  try {
    return JSON.parse(value);
  } catch {
    // The caller reports text that is not JSON as a missing status.
    return undefined;
  }
}
