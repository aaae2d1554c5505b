import type { FluentOrderRecord } from './fluent-state.js';

/** How the emulated audit log of the Event API answers. */
export interface AuditLogRules {
  /** Milliseconds until an event shows up; `Infinity` holds everything back. Default: 0. */
  readonly lagMs?: number;
  /** Events of other rules beside each status change. Default: 3. */
  readonly noise?: number;
  /** Most events in one answer, whatever is asked for. */
  readonly pageSize?: number;
  /** The rule that sets the status, with the account in front of it. Default: `core.SetState`. */
  readonly rule?: string;
  /** `list` is what Fluent publishes, `object` and `text` (JSON) are what clients should put up with. */
  readonly attributes?: 'list' | 'object' | 'text';
}

/** One event of the audit log, as Fluent sends it. */
export interface AuditRecord {
  readonly id: string;
  readonly name: string;
  readonly [field: string]: unknown;
}

const TICKS_PER_MS = 10_000n;
/** Between the beginning of the Gregorian calendar, from which UUIDs count, and 1970. */
const TICKS_TO_1970 = 122_192_928_000_000_000n;
const UUID_NODE = '0242ac120002';

/**
 * The audit of the rules that ran for an order: one event for each status that a rule has set, newest
 * first, among those of other rules. A status that a mutation has set leaves no event.
 */
export function auditOf(order: FluentOrderRecord, accountId: string, rules: AuditLogRules): AuditRecord[] {
  const { noise = 3, rule = 'core.SetState', attributes = 'list' } = rules;
  const records = order.history.flatMap(({ status, at, by }, index) => {
    const record = (part: number, fields: Readonly<Record<string, unknown>>): AuditRecord => ({
      id: uuidV1(at, index * 16 + part, Number(order.id) || index),
      name: `${accountId}.${rule}`,
      type: 'ORCHESTRATION_AUDIT',
      accountId,
      retailerId: order.retailerId,
      category: 'rule',
      context: {
        sourceEvents: [uuidV1(at, index, 0)],
        entityType: 'ORDER',
        entityId: order.id,
        entityRef: order.ref,
        rootEntityType: 'ORDER',
        rootEntityId: order.id,
        rootEntityRef: order.ref,
      },
      eventStatus: 'SUCCESS',
      attributes: null,
      generatedBy: 'Rubix User',
      generatedOn: new Date(at).toISOString().replace('Z', '+00:00'),
      ...fields,
    });
    const change = by === 'mutation' ? [] : [record(0, { attributes: attributesOf(status, at, attributes) })];
    const others = Array.from({ length: noise }, (_, number) =>
      record(number + 1, noiseOf(number, accountId)),
    );
    return [...change, ...others];
  });
  return records.toReversed();
}

/** Events that look like status changes and are none. */
function noiseOf(number: number, accountId: string): Readonly<Record<string, unknown>> {
  const props = { name: 'props', value: { status: 'NEVER' }, type: 'JSON' };
  switch (number % 3) {
    case 0:
      return { name: `${accountId}.core.SendWebhook`, attributes: [props] };
    case 1:
      return { eventStatus: 'FAILED', attributes: [props] };
    default:
      return { name: `${accountId}.order.VerifyOrder` };
  }
}

function attributesOf(status: string, at: number, form: NonNullable<AuditLogRules['attributes']>): unknown {
  const props = { status };
  if (form === 'object') return { props };
  return [
    { name: 'props', value: form === 'text' ? JSON.stringify(props) : props, type: 'JSON' },
    { name: 'startTimer', value: at - 16, type: 'LONG' },
    { name: 'stopTimer', value: at, type: 'LONG' },
  ];
}

/** A UUID whose time tells the order of events of the same millisecond. */
function uuidV1(atMs: number, sequence: number, clock: number): string {
  const ticks = BigInt(atMs) * TICKS_PER_MS + BigInt(sequence % 10_000) + TICKS_TO_1970;
  const hex = ticks.toString(16).padStart(15, '0');
  const clockHex = ((clock % 0x4000) | 0x8000).toString(16);
  return `${hex.slice(7)}-${hex.slice(3, 7)}-1${hex.slice(0, 3)}-${clockHex}-${UUID_NODE}`;
}
