import { plainToInstance } from 'class-transformer';
import { validateSync } from 'class-validator';
import { describeViolation, violationsIn } from '../config/index.js';
import { PermanentError } from '../errors.js';
import { type EventEnvelope, FluentEvent } from './fluent-event.js';

/** An event breaks its contract; nothing was sent. */
export class InvalidEventError extends PermanentError {
  constructor(
    readonly eventName: string,
    /** One line for each broken rule, beginning with the place. */
    readonly violations: readonly string[],
  ) {
    super(`event ${eventName} was not sent: ${violations.join('; ')}`, { code: 'InvalidEvent' });
  }
}

/**
 * Pure: completes an event with defaults and its envelope, and checks it.
 *
 * @returns what goes on the wire
 * @throws InvalidEventError that names every violation at once
 */
export function checkEvent<TEvent extends EventEnvelope>(
  event: TEvent,
  envelope: { readonly accountId: string; readonly retailerId: string },
): TEvent {
  const type = event.constructor as new () => TEvent;
  // Plain parts become instances here, because rules and defaults belong to their classes.
  const checked = plainToInstance(type, Object.assign({}, event, envelope));
  const violations = violationsIn(validateSync(checked, { stopAtFirstError: true })).map(describeViolation);
  if (checked instanceof FluentEvent && checked.entityId === undefined && checked.entityRef === undefined) {
    violations.push('entityId or entityRef is required');
  }
  if (violations.length > 0) throw new InvalidEventError(event.name, violations);
  return checked;
}
