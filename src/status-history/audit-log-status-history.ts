import { Injectable, Logger } from '@nestjs/common';
import { LRUCache } from 'lru-cache';
import { ConnectorConfig, type RetailerScope } from '../config/index.js';
import { ConfigurationError, TransientError } from '../errors.js';
import { eventQuery, readEvents, type FluentEventRecord } from '../fluent-events/index.js';
import { FluentEndpoints, type FluentOrder } from '../fluent/index.js';
import { idText } from '../json.js';
import { ConnectorMetrics } from '../metrics/index.js';
import { byTime, isStatusChange, readStatusChange, type StatusChange } from './status-changes.js';
import { StatusHistory, type PassedStatus } from './status-history.js';

const DAY_MS = 86_400_000;
/** Fluent times out above 5,000; an order has hundreds of events. */
const PAGE_SIZE = 1000;
/** The most events of one order. With more, the answer is not its history. */
const MAX_EVENTS = 20_000;
/** Fluent rejects times earlier than about four months. */
const LONGEST_WINDOW_MS = 120 * DAY_MS;
/** The default time range of Fluent, which it therefore accepts. */
const DEFAULT_WINDOW_MS = 30 * DAY_MS;
/** The allowed difference between Fluent's clock and this one. */
const CLOCK_SKEW_MS = 300_000;

/**
 * The most orders whose changes are cached, and the most changes of all of them together, each of some 150 bytes. The log of any
 * other order takes one call, too, and a longer answer when the order is older than {@link OVERLAP_MS}.
 */
const MAX_ORDERS = 10_000;
const MAX_CHANGES = 20_000;
/** The log may show an event later than a newer one, so this much of it is read again. */
const OVERLAP_MS = 3_600_000;
/** After this time the whole log of an order is read again. */
const REMEMBERED_MS = 3_600_000;
/** After a refusal, the log is not read for this time. A corrected permission takes effect after it. */
const REFUSED_MS = 300_000;

interface Refusal {
  readonly error: ConfigurationError;
  /** Milliseconds since the epoch. */
  readonly until: number;
}

/**
 * Reads the statuses that an order has passed from the audit log of Fluent's Event API, which records each rule that ran. The
 * ends of their names identify the rules that set a status (`STATUS_CHANGE_RULES`).
 *
 * A status that was set by a mutation instead of a rule has no event, so it is not found.
 */
@Injectable()
export class AuditLogStatusHistory extends StatusHistory {
  private readonly logger = new Logger('StatusHistory');
  /** The changes of each order, oldest first. The cache only saves reading them again. */
  private readonly known = new LRUCache<string, readonly StatusChange[]>({
    max: MAX_ORDERS,
    maxSize: MAX_CHANGES,
    // An order without changes needs room, too.
    sizeCalculation: (changes) => changes.length + 1,
    ttl: REMEMBERED_MS,
  });
  /** Reads that have not begun, by order. Other callers may share them, because they have already read the order. */
  private readonly waiting = new Map<string, Promise<readonly PassedStatus[]>>();
  /** By account. */
  private readonly refusals = new Map<string, Refusal>();

  constructor(
    private readonly config: ConnectorConfig,
    private readonly endpoints: FluentEndpoints,
    private readonly metrics: ConnectorMetrics,
  ) {
    super();
  }

  /**
   * @throws ConfigurationError when Fluent refuses the user, and for the next five minutes without a call.
   * @throws TransientError when the log cannot be read. The audit log has its own circuit breaker.
   */
  async passed(order: FluentOrder, scope: RetailerScope): Promise<readonly PassedStatus[]> {
    const key = JSON.stringify([scope.account.id, order.id]);
    let read = this.waiting.get(key);
    if (!read) {
      read = this.readNextTurn(key, order, scope.account.id);
      this.waiting.set(key, read);
    }
    return read;
  }

  private async readNextTurn(
    key: string,
    order: FluentOrder,
    accountId: string,
  ): Promise<readonly PassedStatus[]> {
    await new Promise((resolve) => setImmediate(resolve));
    this.waiting.delete(key);
    const refusal = this.refusals.get(accountId);
    if (refusal && refusal.until > Date.now()) throw refusal.error;
    const changes = await this.read(order, accountId, this.known.get(key) ?? []);
    this.refusals.delete(accountId);
    this.known.set(key, changes);
    return changes.map(({ status, at }) => ({ status, at: new Date(at) }));
  }

  private async read(
    order: FluentOrder,
    accountId: string,
    known: readonly StatusChange[],
  ): Promise<readonly StatusChange[]> {
    const changes = new Map(known.map((change) => [change.id, change]));
    let events = 0;
    for await (const event of this.events(order, accountId, beginning(order, known))) {
      if (++events > MAX_EVENTS) {
        throw new TransientError(
          `Fluent account ${accountId}: the audit log has more than ${MAX_EVENTS} events for order ${order.ref}`,
        );
      }
      if (!isAbout(order, event) || !isStatusChange(event, this.config.statusHistory.changeRules)) continue;
      const change = readStatusChange(event);
      if (change) changes.set(change.id, change);
      else this.metrics.unreadableAuditEvents.inc();
    }
    return [...changes.values()].toSorted(byTime);
  }

  private events(order: FluentOrder, accountId: string, from: Date): AsyncGenerator<FluentEventRecord> {
    const rest = this.endpoints.auditLog(accountId);
    const to = new Date(Date.now() + CLOCK_SKEW_MS);
    let since = from;
    return readEvents(async (start) => {
      for (;;) {
        const filter = {
          entityType: 'ORDER',
          entityId: order.id,
          eventType: 'ORCHESTRATION_AUDIT',
          category: 'rule',
          from: since,
          to,
        };
        const { status, body } = await rest
          .call({
            operation: 'FindStatusChanges',
            method: 'GET',
            path: '/event',
            query: eventQuery(filter, start, PAGE_SIZE),
            alsoAnswers: [400, 403],
          })
          .catch((error: unknown) => {
            throw error instanceof ConfigurationError ? this.refused(accountId, error.message) : error;
          });
        if (status === 403) throw this.refused(accountId, refusalOf(accountId, status));
        if (status !== 400) return body;
        const shorter = new Date(Date.now() - DEFAULT_WINDOW_MS);
        if (since >= shorter) throw this.refused(accountId, refusalOf(accountId, status));
        this.logger.debug(
          `Fluent account ${accountId} has no audit log of order ${order.ref} since ${since.toISOString()}`,
        );
        since = shorter;
      }
    });
  }

  private refused(accountId: string, message: string): ConfigurationError {
    const error = new ConfigurationError(
      `${message}; give the user of FLUENT_USERNAME the permission to view events, or set STATUS_HISTORY=off`,
    );
    this.refusals.set(accountId, { error, until: Date.now() + REFUSED_MS });
    this.logger.warn(
      `${error.message}. Until then a state can stay behind when its mapping has no entry for the present status; ` +
        'mappings with an entry for every status need no history',
    );
    return error;
  }
}

function refusalOf(accountId: string, status: number): string {
  return `Fluent account ${accountId}: the audit log of the Event API was refused with HTTP ${status}`;
}

/** The time from which the log is read. */
function beginning({ createdOn }: FluentOrder, known: readonly StatusChange[]): Date {
  const newest = known.at(-1);
  const earliest = Date.now() - LONGEST_WINDOW_MS;
  const created = new Date(createdOn ?? Number.NaN).getTime();
  const since = newest ? newest.at - OVERLAP_MS : created - CLOCK_SKEW_MS;
  return new Date(since > earliest ? since : earliest);
}

/** Rules of the order's fulfilments must not count as rules of the order. */
function isAbout(order: FluentOrder, { context }: FluentEventRecord): boolean {
  const { entityType = 'ORDER', entityId = order.id } = context;
  return entityType === 'ORDER' && idText(entityId) === order.id;
}
