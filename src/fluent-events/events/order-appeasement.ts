import { Equals } from 'class-validator';
import { OrderEvent, type OrderEventFields } from '../fluent-event.js';
import { Nested, OptionalText, Text } from '../rules.js';

/** Attributes of {@link OrderAppeasement}. */
export class OrderAppeasementAttributes {
  /** An amount as text, e.g. `10.50`. */
  @Text() appeasementAmount!: string;
  @Text() appeasementReason!: string;
  @OptionalText() comment?: string;
}

/** Gives the customer money back without a return. */
export class OrderAppeasement extends OrderEvent {
  @Equals('OrderAppeasement', { message: 'must be OrderAppeasement' })
  readonly name = 'OrderAppeasement';

  @Nested(() => OrderAppeasementAttributes)
  attributes!: OrderAppeasementAttributes;

  constructor(fields: OrderEventFields & { readonly attributes: OrderAppeasementAttributes }) {
    super();
    Object.assign(this, fields);
  }
}
