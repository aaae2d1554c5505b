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
  /** The states at the start and after every write that was applied, oldest first. */
  readonly history: readonly StateChange[];
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
  readonly trackingData: TrackingDataRecord | null;
  readonly items: readonly DeliveryItemRecord[];
  readonly custom: CustomFieldsRecord | null;
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
export type OrderContent = EmulatedOrderStates & Pick<CommercetoolsOrderRecord, 'shippingInfo' | 'custom'>;
