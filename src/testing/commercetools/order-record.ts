/** The three states as the API spells them. */
export interface EmulatedOrderStates {
  readonly orderState: string;
  readonly paymentState: string | null;
  readonly shipmentState: string | null;
}

/** The states after one write. */
export interface StateChange extends EmulatedOrderStates {
  /** The version that the write produced. */
  readonly version: number;
  /** Milliseconds since 1970. */
  readonly at: number;
}

/** An order in the commercetools emulator. */
export interface CommercetoolsOrderRecord extends EmulatedOrderStates {
  readonly id: string;
  readonly version: number;
  readonly orderNumber: string;
  readonly customerEmail: string | null;
  /** ISO 8601. */
  readonly createdAt: string;
  readonly lastModifiedAt: string;
  /** The API client that wrote last. */
  readonly lastModifiedBy: string;
  readonly shippingInfo: ShippingInfoRecord | null;
  readonly custom: CustomFieldsRecord | null;
  readonly lineItems: readonly LineItemRecord[];
  /** The key of the order's store. */
  readonly store: string | null;
  /** Values of the fields that an extension adds to `Order`, by the names of the fields. */
  readonly fields: Readonly<Record<string, unknown>>;
  /** The states at the start and after every write that was applied, oldest first. */
  readonly history: readonly StateChange[];
}

/** A line item of an order. */
export interface LineItemRecord {
  readonly id: string;
  readonly key: string | null;
  readonly productId: string;
  readonly productKey: string | null;
  /** By locale. */
  readonly name: Readonly<Record<string, string>>;
  readonly sku: string;
  readonly quantity: number;
  /** Of one piece. */
  readonly price: MoneyRecord;
  readonly custom: CustomFieldsRecord | null;
}

/** An amount of money. */
export interface MoneyRecord {
  readonly currencyCode: string;
  /** In the smallest unit of the currency, of which 100 make the main unit. */
  readonly centAmount: number;
}

/** The shipping info of an order; without it an order cannot have deliveries. */
export interface ShippingInfoRecord {
  readonly shippingMethodName: string;
  readonly deliveries: readonly DeliveryRecord[];
}

/** A delivery of an order. */
export interface DeliveryRecord {
  readonly id: string;
  readonly key: string | null;
  readonly createdAt: string;
  readonly items: readonly DeliveryItemRecord[];
  readonly parcels: readonly ParcelRecord[];
  readonly custom: CustomFieldsRecord | null;
}

/** How many of a line item are in a delivery or parcel. */
export interface DeliveryItemRecord {
  readonly id: string;
  readonly quantity: number;
}

/** A parcel of a delivery. */
export interface ParcelRecord {
  readonly id: string;
  readonly key: string | null;
  readonly createdAt: string;
  readonly measurements: ParcelMeasurementsRecord | null;
  readonly trackingData: TrackingDataRecord | null;
  readonly items: readonly DeliveryItemRecord[];
  readonly custom: CustomFieldsRecord | null;
}

/** How big and heavy a parcel is. */
export interface ParcelMeasurementsRecord {
  readonly heightInMillimeter?: number | null;
  readonly lengthInMillimeter?: number | null;
  readonly widthInMillimeter?: number | null;
  readonly weightInGram?: number | null;
}

/** How a parcel is followed on its way. */
export interface TrackingDataRecord {
  readonly trackingId?: string | null;
  readonly carrier?: string | null;
  readonly provider?: string | null;
  readonly providerTransaction?: string | null;
  readonly isReturn: boolean;
}

/** Custom fields with the type that they belong to. */
export interface CustomFieldsRecord {
  /** Key or id of the type. */
  readonly type: string;
  readonly fields: Readonly<Record<string, unknown>>;
}

/** What of an order an update action can change. */
export type OrderContent = EmulatedOrderStates &
  Pick<CommercetoolsOrderRecord, 'shippingInfo' | 'custom' | 'lineItems' | 'store' | 'fields'>;
