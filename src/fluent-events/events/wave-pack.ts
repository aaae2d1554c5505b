import { Equals, ValidateIf } from 'class-validator';
import { FulfilmentEvent, type FulfilmentEventFields } from '../fluent-event.js';
import { ListOf, Nested, OptionalText, PositiveNumber, Quantity, Text, optional } from '../rules.js';

/** What was found in the store. */
export class PickedItem {
  @Text() productRef!: string;
  @Text() catalogueRef!: string;
  /** More than 0: what was not found at all is left out. */
  @PositiveNumber() availableQty!: number;
  @OptionalText() GTIN?: string;
}

/** A property that is required as soon as the item names its SKU. */
function WithSku(rule: PropertyDecorator): PropertyDecorator {
  return (target, property) => {
    ValidateIf(({ skuRef }: FulfilmentItem, value: unknown) => skuRef != null || value != null)(
      target,
      property,
    );
    rule(target, property);
  };
}

/** An item of the fulfilment: what was asked for, found and rejected. */
export class FulfilmentItem {
  @OptionalText() skuRef?: string;
  @WithSku(Text()) orderItemId?: string;
  @WithSku(Text()) orderItemRef?: string;
  @WithSku(Text()) fulfilmentItemRef?: string;
  @WithSku(Quantity()) requestedQty?: number;
  @WithSku(Quantity()) availableQty?: number;
  @WithSku(Quantity()) rejectedQty?: number;
}

/** Attributes of {@link WavePack} and {@link FulfilmentPack}. */
export class PackAttributes {
  @ListOf(() => PickedItem) pickedItems!: PickedItem[];
  @optional(ListOf(() => FulfilmentItem)) fulfilmentItems?: FulfilmentItem[];
}

/** A wave was picked: which of the fulfilment's items were found. */
export class WavePack extends FulfilmentEvent {
  @Equals('WavePack', { message: 'must be WavePack' })
  readonly name = 'WavePack';

  @Nested(() => PackAttributes)
  attributes!: PackAttributes;

  constructor(fields: FulfilmentEventFields & { readonly attributes: PackAttributes }) {
    super();
    Object.assign(this, fields);
  }
}
