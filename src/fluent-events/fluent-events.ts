import { Injectable } from '@nestjs/common';
import { idText } from '../json.js';
import { TransientError } from '../errors.js';
import { FluentEndpoints, type FluentRequestOptions, type FluentScope } from '../fluent/index.js';
import { checkEvent } from './check-event.js';
import { EventFailedError, EventNotMatchedError, RulesetNotFoundError } from './event-errors.js';
import {
  type FluentEventFilter,
  type FluentEventRecord,
  type FluentEventStatus,
  eventQuery,
  readEvents,
  toEventRecord,
} from './event-log.js';
import type { EventEnvelope } from './fluent-event.js';

/** Options of {@link FluentEvents.send}. A notification has `accountId` and `retailerId` of the right kind. */
export interface SendEventOptions extends FluentScope, FluentRequestOptions {
  /**
   * `async` (default): Fluent takes the event and works on it later. `sync`: the answer comes after the
   * workflow has run; slower, and limited by `HTTP_CLIENT_TIMEOUT`.
   */
  readonly mode?: 'async' | 'sync';
}

/** Options of a look-up. */
export interface FindEventsOptions extends FluentScope, FluentRequestOptions {
  /** Events per request, at most 5000; 100 by default. */
  readonly pageSize?: number;
}

/** What Fluent answered. */
export interface SentEvent {
  /** Undefined when Fluent named none, which asynchronous answers may leave out. */
  readonly eventId?: string;
  readonly entityId?: string;
  /** Only of synchronous events. */
  readonly eventStatus?: FluentEventStatus;
}

const DEFAULT_PAGE_SIZE = 100;
const MAX_PAGE_SIZE = 5000;

/**
 * Sends events into Fluent's workflows, and looks them up.
 *
 * @example
 * await events.send(new OrderCancel({ entityId: '1021', entityRef: 'O_1021', entitySubtype: 'HD' }), {
 *   accountId: notification.accountId,
 *   retailerId: notification.retailerId,
 * });
 */
@Injectable()
export class FluentEvents {
  constructor(private readonly endpoints: FluentEndpoints) {}

  /**
   * Completes an event with account and retailer, checks it, and sends it. An event that was sent may have
   * arrived although the call failed (a time-out), so a repetition can reach the workflow twice.
   *
   * @throws InvalidEventError before anything is sent, with every violation at once
   * @throws EventFailedError, EventNotMatchedError or RulesetNotFoundError for a synchronous event
   * @throws ConfigurationError when account or retailer is not configured or not clear
   * @throws TransientError when Fluent does not answer, or not intelligibly
   */
  async send(event: EventEnvelope, options: SendEventOptions = {}): Promise<SentEvent> {
    const { mode = 'async', signal } = options;
    const scope = this.endpoints.retailerOf({
      accountId: event.accountId ?? options.accountId,
      retailerId: event.retailerId ?? options.retailerId,
    });
    const body = checkEvent(event, scope);
    const { name } = event;
    const answer = await this.endpoints.rest(scope.accountId).call({
      operation: mode === 'sync' ? 'SendEventSync' : 'SendEventAsync',
      method: 'POST',
      path: `/event/${mode}`,
      body,
      alsoAnswers: mode === 'sync' ? [404] : [],
      signal,
    });
    const subject = `Fluent account ${scope.accountId}, retailer ${scope.retailerId}: event ${name}`;
    if (answer.status === 404) throw new RulesetNotFoundError(subject, name);
    const sent = toSentEvent(answer.body);
    if (mode === 'sync') refuseUnlessDone(sent, subject, name);
    return sent;
  }

  /** @returns the event, or undefined when Fluent does not know the id. */
  async get(
    eventId: string,
    options: FluentScope & FluentRequestOptions = {},
  ): Promise<FluentEventRecord | undefined> {
    const answer = await this.endpoints.rest(this.endpoints.accountOf(options)).call({
      operation: 'GetEvent',
      method: 'GET',
      path: `/event/${encodeURIComponent(eventId)}`,
      alsoAnswers: [404],
      signal: options.signal,
    });
    return answer.status === 404 ? undefined : toEventRecord(answer.body);
  }

  /**
   * Events that match every part of the filter, in Fluent's order, read page by page as they are needed.
   * Without `from`, Fluent looks back 30 days.
   *
   * @example
   * for await (const { id, name } of events.find({ name: 'OrderCancel', eventStatus: 'FAILED' })) console.log(id, name);
   */
  async *find(
    filter: FluentEventFilter = {},
    options: FindEventsOptions = {},
  ): AsyncGenerator<FluentEventRecord> {
    const { pageSize = DEFAULT_PAGE_SIZE, signal } = options;
    if (!Number.isInteger(pageSize) || pageSize < 1 || pageSize > MAX_PAGE_SIZE) {
      throw new RangeError(`pageSize must be a whole number from 1 to ${MAX_PAGE_SIZE}`);
    }
    const rest = this.endpoints.rest(this.endpoints.accountOf(options));
    yield* readEvents(async (start) => {
      const query = eventQuery(filter, start, pageSize);
      const answer = await rest.call({
        operation: 'FindEvents',
        method: 'GET',
        path: '/event',
        query,
        signal,
      });
      return answer.body;
    });
  }
}

function toSentEvent(body: unknown): SentEvent {
  if (typeof body !== 'object' || body === null) return {};
  const { eventId, id, entityId, eventStatus } = body as Record<string, unknown>;
  return {
    eventId: idText(eventId) ?? idText(id),
    entityId: idText(entityId),
    eventStatus: idText(eventStatus),
  };
}

function refuseUnlessDone({ eventStatus, eventId }: SentEvent, subject: string, name: string): void {
  if (eventStatus === 'FAILED') throw new EventFailedError(subject, name, eventId);
  if (eventStatus === 'NO_MATCH') throw new EventNotMatchedError(subject, name, eventId);
  if (eventStatus === undefined) {
    throw new TransientError(`${subject}: the synchronous answer names no eventStatus`);
  }
}
