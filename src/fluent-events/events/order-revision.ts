import { Equals, ValidateIf } from 'class-validator';
import { OrderEvent, type OrderEventFields } from '../fluent-event.js';
import { FiniteNumber, ListOf, Nested, OptionalText, Quantity, Text, optional } from '../rules.js';

/** Why an item was removed or changed. */
export class RevisionReason {
  @Text() value!: string;
  /** A key of the user interface's translations. */
  @Text() label!: string;
}

/** One item of the order as it shall be. What is left out stays as in the old order; Fluent fills it in. */
export class RevisedItem {
  @Text() orderItemRef!: string;
  /** Pieces, 0 or more; 0 removes the item. */
  @optional(Quantity()) newQty?: number;
  @optional(FiniteNumber()) unitPrice?: number;
  @OptionalText() comment?: string;
  /**
   * For removed or changed items. Only Fluent knows the old values, so it is demanded here only of an item
   * that is certainly removed (`newQty: 0`).
   */
  @ValidateIf(({ newQty, revisionReason }: RevisedItem) => newQty === 0 || revisionReason != null)
  @Nested(() => RevisionReason)
  revisionReason?: RevisionReason;
}

/** Attributes of {@link OrderRevision}. */
export class OrderRevisionAttributes {
  /** At least one item: an empty revision changes nothing. */
  @ListOf(() => RevisedItem, { atLeastOne: true }) revisedItems!: RevisedItem[];
}

/** Changes quantities and prices of an order that is under way. */
export class OrderRevision extends OrderEvent {
  @Equals('OrderRevision', { message: 'must be OrderRevision' })
  readonly name = 'OrderRevision';

  @Nested(() => OrderRevisionAttributes)
  attributes!: OrderRevisionAttributes;

  constructor(fields: OrderEventFields & { readonly attributes: OrderRevisionAttributes }) {
    super();
    Object.assign(this, fields);
  }
}
