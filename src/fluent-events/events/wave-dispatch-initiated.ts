import { Equals } from 'class-validator';
import { FulfilmentEvent, type FulfilmentEventFields } from '../fluent-event.js';
import { ListOf, Nested, OptionalText, optional } from '../rules.js';

/** A parcel that is handed over; measures are text. */
export class DispatchArticle {
  @OptionalText() name?: string;
  @OptionalText() depth?: string;
  @OptionalText() width?: string;
  @OptionalText() height?: string;
  @OptionalText() weight?: string;
  @OptionalText() maxWeight?: string;
}

/** Attributes of {@link WaveDispatchInitiated}. */
export class WaveDispatchAttributes {
  @optional(ListOf(() => DispatchArticle)) fulfilmentArticles?: DispatchArticle[];
}

/** The parcels of a wave are about to leave. */
export class WaveDispatchInitiated extends FulfilmentEvent {
  @Equals('WaveDispatchInitiated', { message: 'must be WaveDispatchInitiated' })
  readonly name = 'WaveDispatchInitiated';

  @Nested(() => WaveDispatchAttributes)
  attributes: WaveDispatchAttributes = {};

  constructor(fields: FulfilmentEventFields & { readonly attributes?: WaveDispatchAttributes }) {
    super();
    Object.assign(this, fields);
  }
}
