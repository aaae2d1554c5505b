import { Equals } from 'class-validator';
import { FulfilmentEvent, type FulfilmentEventFields } from '../fluent-event.js';
import { ListOf, Nested, OptionalText, Quantity, Text, optional } from '../rules.js';

/** How many of a fulfilment item are in an article. */
export class ArticleItem {
  @Text() fulfilmentItemId!: string;
  @Quantity() quantity!: number;
}

/** A parcel. Measures are text: lengths in centimetres, weights in kilograms. */
export class Article {
  /** `Small`, `Medium`, `Large`, `Custom` or the name of another package. */
  @Text() packaging_name!: string;
  @Text() length!: string;
  @Text() width!: string;
  @Text() height!: string;
  @Text() weight!: string;
  @OptionalText() maxWeight?: string;
  @OptionalText() minWeight?: string;
  @OptionalText() barcode?: string;
  @optional(ListOf(() => ArticleItem)) items?: ArticleItem[];
}

/** Why an item is not in a parcel; by default that of an item which was rejected at picking. */
export class RejectReason {
  /** A key of the user interface's translations. */
  @Text() label: string = 'fc.sf.rejectionReason.outsideOfPacking';
  @Text() value: string = 'Rejected outside of packing';
}

/** Items of a fulfilment that were not packed, and why. */
export class Rejection {
  @Text() fulfilmentItemId!: string;
  @Quantity() rejectedQty!: number;
  @Nested(() => RejectReason) rejectReason: RejectReason = new RejectReason();
}

/** Everything that was packed, and everything that was not. */
export class PackedItems {
  @ListOf(() => Article) articles!: Article[];
  @ListOf(() => Rejection) rejections!: Rejection[];
}

/** Attributes of {@link ConfirmParcels}. */
export class ConfirmParcelsAttributes {
  @Nested(() => PackedItems) packedItems!: PackedItems;
}

/** What a caller gives: a rejection without a reason gets the default of {@link RejectReason}. */
export interface ConfirmParcelsFields extends FulfilmentEventFields {
  readonly attributes: {
    readonly packedItems: {
      readonly articles: readonly Article[];
      readonly rejections: readonly (Omit<Rejection, 'rejectReason'> & {
        rejectReason?: Partial<RejectReason>;
      })[];
    };
  };
}

/** A fulfilment is packed: its parcels, and what did not get into one. */
export class ConfirmParcels extends FulfilmentEvent {
  @Equals('ConfirmParcels', { message: 'must be ConfirmParcels' })
  readonly name = 'ConfirmParcels';

  @Nested(() => ConfirmParcelsAttributes)
  attributes!: ConfirmParcelsAttributes;

  constructor(fields: ConfirmParcelsFields) {
    super();
    Object.assign(this, fields);
  }
}
