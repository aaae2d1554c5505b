import { Equals } from 'class-validator';
import { EventEnvelope, type EventOptions } from '../fluent-event.js';
import { OptionalText, PlainObject, Text, optional } from '../rules.js';

/** The parts of an {@link OrderCancel}. */
export interface OrderCancelFields extends EventOptions {
  readonly entityId: string;
  readonly entityRef: string;
  /** The order's type, e.g. `HD` or `CC`. */
  readonly entitySubtype: string;
  readonly attributes?: Readonly<Record<string, unknown>>;
}

/**
 * Cancels an order of any type.
 *
 * @example
 * new OrderCancel({ entityId: '1021', entityRef: 'O_1021', entitySubtype: 'HD' })
 */
export class OrderCancel extends EventEnvelope {
  @Equals('OrderCancel', { message: 'must be OrderCancel' })
  readonly name = 'OrderCancel';
  @Equals('ORDER', { message: 'must be ORDER' })
  override entityType = 'ORDER';
  @Text() entityId!: string;
  @Text() entityRef!: string;
  @Text() entitySubtype!: string;
  @OptionalText() rootEntityType?: string = 'ORDER';
  @optional(PlainObject())
  attributes?: Readonly<Record<string, unknown>> = {};

  constructor(fields: OrderCancelFields) {
    super();
    Object.assign(this, fields);
  }
}
