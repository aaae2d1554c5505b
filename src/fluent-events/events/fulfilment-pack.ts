import { Equals } from 'class-validator';
import { FulfilmentEvent, type FulfilmentEventFields } from '../fluent-event.js';
import { Nested } from '../rules.js';
import { PackAttributes } from './wave-pack.js';

/** A fulfilment was picked outside of a wave: which of its items were found. */
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
