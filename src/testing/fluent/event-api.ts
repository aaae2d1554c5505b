import { isJsonObject, isNonEmptyText } from '../../json.js';
import type { Answer } from '../http/api-emulator.js';
import { type AuditLogRules, type AuditRecord, auditOf } from './audit-log.js';
import type { EventState, FluentEventEntry } from './event-state.js';
import type { FluentState } from './fluent-state.js';

/** Fluent's published limit of one page, and what it gives without `count`. */
const MAX_COUNT = 5000;
const DEFAULT_COUNT = 100;
/** Without `from` Fluent looks back this far. */
const DEFAULT_WINDOW_MS = 30 * 86_400_000;
/** Fluent rejects what is earlier than about four months. */
const LONGEST_WINDOW_MS = 124 * 86_400_000;

const REQUIRED = ['name', 'entityType', 'retailerId'] as const;
const CONTEXT = [
  'entityType',
  'entityId',
  'entityRef',
  'rootEntityType',
  'rootEntityId',
  'rootEntityRef',
] as const;
const FILTERS = new Set([
  ...CONTEXT.map((name) => `context.${name}`),
  'from',
  'to',
  'name',
  'category',
  'retailerId',
  'eventType',
  'eventStatus',
  'start',
  'count',
]);

/** What makes the error body of a REST call. */
export type Refuse = (status: number, code: string, message: string) => Answer;

/** The Events API of one emulated account. */
export class EventApi {
  auditLog: AuditLogRules = {};

  constructor(
    private readonly accountId: string,
    private readonly state: EventState,
    private readonly orders: Pick<FluentState, 'order' | 'orders'>,
    private readonly now: () => number,
    private readonly refuse: Refuse,
  ) {}

  async send(mode: 'async' | 'sync', body: unknown): Promise<Answer> {
    if (!isJsonObject(body)) return this.refuse(400, 'C0113E', 'the body must be an event');
    const missing = REQUIRED.filter((name) => !isNonEmptyText(body[name]));
    if (missing.length > 0) return this.refuse(400, 'C0113E', `missing: ${missing.join(', ')}`);
    if (body['accountId'] !== undefined && body['accountId'] !== this.accountId) {
      return this.refuse(400, 'C0113E', 'the event is for another account');
    }
    if (body['attributes'] !== undefined && !isJsonObject(body['attributes'])) {
      return this.refuse(400, 'C0113E', 'attributes must be an object');
    }
    const event = this.state.add(mode, body);
    if (mode === 'async') {
      this.state.start(event);
      return { status: 200, body: { id: event.id } };
    }
    const outcome = await this.state.run(event);
    if (outcome === 'NO_RULESET') return this.refuse(404, 'C0014E', `no ruleset matches ${event.name}`);
    return {
      status: 200,
      body: { eventId: event.id, entityId: body['entityId'] ?? null, eventStatus: event.eventStatus },
    };
  }

  get(id: string): Answer {
    const event = this.state.event(id);
    return event
      ? { status: 200, body: this.#record(event) }
      : this.refuse(404, 'C0014E', `there is no event ${id}`);
  }

  find(query: URLSearchParams): Answer {
    const unknown = [...query.keys()].filter((name) => !FILTERS.has(name));
    if (unknown.length > 0) return this.refuse(400, 'C0113E', `unknown filters: ${unknown.join(', ')}`);
    const start = Number(query.get('start') ?? 0);
    const count = Number(query.get('count') ?? DEFAULT_COUNT);
    if (!Number.isInteger(start) || start < 0) return this.refuse(400, 'C0113E', 'start must be 0 or more');
    if (!Number.isInteger(count) || count < 1 || count > MAX_COUNT) {
      return this.refuse(400, 'C0113E', `count must be 1 to ${MAX_COUNT}`);
    }
    const from = query.has('from') ? Date.parse(query.get('from') ?? '') : this.now() - DEFAULT_WINDOW_MS;
    const to = query.has('to') ? Date.parse(query.get('to') ?? '') : Number.POSITIVE_INFINITY;
    if (Number.isNaN(from) || Number.isNaN(to)) {
      return this.refuse(400, 'C0113E', 'from and to must be ISO 8601');
    }
    if (from < this.now() - LONGEST_WINDOW_MS) {
      return this.refuse(400, 'C0113E', 'from must be within the last four months');
    }
    const matching = [...this.state.events.map((event) => this.#record(event)), ...this.#audit(query)].filter(
      (record) => isWithin(record, from, to) && matches(record, query),
    );
    const results = matching.slice(start, start + Math.min(count, this.auditLog.pageSize ?? count));
    const hasMore = matching.length > start + results.length;
    return { status: 200, body: { start, count: results.length, hasMore, results } };
  }

  /** Made when it is asked for: a test that looks at no audit log should not pay for one. */
  #audit(query: URLSearchParams): AuditRecord[] {
    const isAsked = query.get('eventType') === 'ORCHESTRATION_AUDIT';
    const id = query.get('context.entityId');
    if (!isAsked) return [];
    const order = id === null ? undefined : this.orders.order(id);
    const { lagMs = 0 } = this.auditLog;
    return (id === null ? this.orders.orders : order ? [order] : [])
      .flatMap((each) => auditOf(each, this.accountId, this.auditLog))
      .filter(({ generatedOn }) => Date.parse(String(generatedOn)) + lagMs <= this.now());
  }

  #record({ id, name, retailerId, body, receivedAt, eventStatus }: FluentEventEntry) {
    const context = Object.fromEntries(
      CONTEXT.filter((key) => body[key] !== undefined).map((key) => [key, body[key]]),
    );
    return {
      id,
      name,
      type: 'ORCHESTRATION',
      accountId: this.accountId,
      retailerId,
      category: 'CUSTOM',
      context: { sourceEvents: [], ...context },
      eventStatus,
      attributes: body['attributes'] ?? {},
      generatedBy: 'connector',
      generatedOn: new Date(receivedAt).toISOString(),
    };
  }
}

function isWithin({ generatedOn }: Record<string, unknown>, from: number, to: number): boolean {
  const at = Date.parse(String(generatedOn));
  return at >= from && at <= to;
}

function matches(record: Record<string, unknown>, query: URLSearchParams): boolean {
  const context = record['context'] as Record<string, unknown>;
  const is = (filter: string, value: unknown): boolean =>
    !query.has(filter) || query.get(filter) === String(value);
  return (
    CONTEXT.every((name) => is(`context.${name}`, context[name])) &&
    is('name', record['name']) &&
    is('category', record['category']) &&
    is('retailerId', record['retailerId']) &&
    is('eventType', record['type']) &&
    is('eventStatus', record['eventStatus'])
  );
}
