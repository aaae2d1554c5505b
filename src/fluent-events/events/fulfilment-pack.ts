import { Equals } from 'class-validator';
import { FulfilmentEvent, type FulfilmentEventFields } from '../fluent-event.js';
import { Nested } from '../rules.js';
import { PackAttributes } from './wave-pack.js';

/**
 * Starts the packing of a fulfilment, and says which of its items were found. In Fluent's workflow the Wave entity
 * triggers this event, as its picking ends; the event itself is about the fulfilment.
 */
export class FulfilmentPack extends FulfilmentEvent {
  @Equals('FulfilmentPack', { message: 'must be FulfilmentPack' })
  readonly name = 'FulfilmentPack';

  @Nested(() => PackAttributes)
  attributes!: PackAttributes;

  constructor(fields: FulfilmentEventFields & { readonly attributes: PackAttributes }) {
    super();
    Object.assign(this, fields);
  }
}
