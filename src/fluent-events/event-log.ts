import { TransientError } from '../errors.js';
import { asJsonObject, idText } from '../json.js';

/** What became of an event; Fluent may know further ones. */
export type FluentEventStatus =
  'PENDING' | 'SCHEDULED' | 'NO_MATCH' | 'SUCCESS' | 'FAILED' | 'COMPLETE' | (string & {});

/** Which events are looked for; every part that is given must match. */
export interface FluentEventFilter {
  readonly rootEntityType?: string;
  readonly rootEntityId?: string;
  readonly rootEntityRef?: string;
  readonly entityType?: string;
  readonly entityId?: string;
  readonly entityRef?: string;
  readonly from?: Date;
  readonly to?: Date;
  readonly name?: string;
  /** e.g. `ruleSet`, `rule`, `exception`. */
  readonly category?: string;
  readonly retailerId?: string;
  /** e.g. `ORCHESTRATION`, `ORCHESTRATION_AUDIT`, `API`. */
  readonly eventType?: string;
  readonly eventStatus?: FluentEventStatus;
}

/** An event as Fluent keeps it. */
export interface FluentEventRecord {
  readonly id: string;
  readonly name: string;
  readonly type?: string;
  readonly category?: string;
  readonly eventStatus?: FluentEventStatus;
  readonly accountId?: string;
  readonly retailerId?: string;
  readonly context: {
    readonly entityType?: string;
    readonly entityId?: string;
    readonly entityRef?: string;
    readonly rootEntityType?: string;
    readonly rootEntityId?: string;
    readonly rootEntityRef?: string;
    readonly sourceEvents?: readonly string[];
  };
  /** As Fluent sends them: an object, or a list of names and values. */
  readonly attributes?: unknown;
  /** ISO 8601. */
  readonly generatedOn?: string;
  readonly generatedBy?: string;
  /** Fluent may send further fields. */
  readonly [field: string]: unknown;
}

const CONTEXT_FILTERS = [
  'rootEntityType',
  'rootEntityId',
  'rootEntityRef',
  'entityType',
  'entityId',
  'entityRef',
] as const;
const PLAIN_FILTERS = ['name', 'category', 'retailerId', 'eventType', 'eventStatus'] as const;

/** @returns the query string of one page; without `start` the first one. */
export function eventQuery(
  filter: FluentEventFilter,
  start: number | undefined,
  count: number,
): URLSearchParams {
  const query = new URLSearchParams();
  const add = (name: string, value: string | undefined): void => {
    if (value !== undefined && value !== '') query.set(name, value);
  };
  for (const name of CONTEXT_FILTERS) add(`context.${name}`, filter[name]);
  add('from', filter.from?.toISOString());
  add('to', filter.to?.toISOString());
  for (const name of PLAIN_FILTERS) add(name, filter[name]);
  add('start', start?.toString());
  add('count', String(count));
  return query;
}

export function toEventRecord(body: unknown): FluentEventRecord {
  const event = asJsonObject(body);
  return {
    ...event,
    id: idText(event['id']) ?? idText(event['eventId']) ?? '',
    name: idText(event['name']) ?? '',
    context: event['context'] ?? {},
  };
}

/**
 * Every event of all pages, read one page at a time as they are needed.
 *
 * @param readPage gives the answer to one page's request; without `start` the first one.
 * @throws TransientError when an answer holds no events.
 */
export async function* readEvents(
  readPage: (start: number | undefined) => Promise<unknown>,
): AsyncGenerator<FluentEventRecord> {
  let previous: ReadonlySet<string> = new Set();
  for (let start: number | undefined; ;) {
    const body = await readPage(start);
    const page = Object(body) as { start?: unknown; hasMore?: unknown; results?: unknown };
    if (!Array.isArray(page.results)) {
      throw new TransientError('Fluent answered a look-up of events without results');
    }
    const events = page.results.map(toEventRecord);
    // An event that arrives while pages are read may push one that was read already onto the next page.
    for (const event of events) if (!previous.has(event.id)) yield event;
    if (page.hasMore !== true || events.length === 0) return;
    previous = new Set(events.map(({ id }) => id));
    start = (typeof page.start === 'number' ? page.start : (start ?? 0)) + events.length;
  }
}
