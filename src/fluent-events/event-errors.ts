import { PermanentError } from '../errors.js';

/** Fluent took an event synchronously and did not do what it asks for. Repeating it changes nothing. */
export abstract class EventRefusedError extends PermanentError {
  constructor(
    message: string,
    code: string,
    readonly eventName: string,
    /** Where Fluent's audit of the event begins; undefined when it gave none. */
    readonly eventId?: string,
  ) {
    super(message, { code });
  }
}

/** The workflow's ruleset began and failed (`FAILED`). */
export class EventFailedError extends EventRefusedError {
  constructor(subject: string, eventName: string, eventId?: string) {
    super(
      `${subject}: the workflow failed on it (FAILED); look at the audit of event ${eventId ?? 'without id'} in Fluent`,
      'FAILED',
      eventName,
      eventId,
    );
  }
}

/** The workflow has no ruleset for the event in the entity's present status (`NO_MATCH`). */
export class EventNotMatchedError extends EventRefusedError {
  constructor(subject: string, eventName: string, eventId?: string) {
    super(
      `${subject}: no ruleset takes it in the entity's present type and status (NO_MATCH)`,
      'NO_MATCH',
      eventName,
      eventId,
    );
  }
}

/** No ruleset has the event's name at all (404). */
export class RulesetNotFoundError extends EventRefusedError {
  constructor(subject: string, eventName: string) {
    super(
      `${subject}: no ruleset matches (404); check the event's name, entityType and retailer, ` +
        'and FLUENT_BASE_URL when every event is answered so',
      'RULESET_NOT_FOUND',
      eventName,
    );
  }
}
