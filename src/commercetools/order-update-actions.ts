// Made from the schema of the emulator by order-update-actions.spec.ts: run it with vitest -u.

/** The update actions of commercetools orders that are typed, by their name, with their fields. */
export interface OrderUpdateActions {
  readonly changeOrderState: ChangeOrderState;
  readonly changePaymentState: ChangeOrderPaymentState;
  readonly changeShipmentState: ChangeOrderShipmentState;
  readonly setCustomField: SetOrderCustomField;
  readonly setCustomType: SetOrderCustomType;
  readonly addDelivery: AddOrderDelivery;
  readonly addParcelToDelivery: AddOrderParcelToDelivery;
  readonly setDeliveryItems: SetOrderDeliveryItems;
  readonly setDeliveryCustomField: SetOrderDeliveryCustomField;
  readonly setDeliveryCustomType: SetOrderDeliveryCustomType;
  readonly setParcelItems: SetOrderParcelItems;
  readonly setParcelMeasurements: SetOrderParcelMeasurements;
  readonly setParcelTrackingData: SetOrderParcelTrackingData;
  readonly setParcelCustomField: SetOrderParcelCustomField;
  readonly setParcelCustomType: SetOrderParcelCustomType;
  readonly setLineItemCustomField: SetOrderLineItemCustomField;
  readonly setLineItemCustomType: SetOrderLineItemCustomType;
  readonly setStore: SetOrderStore;
}

/** Input of commercetools' GraphQL API. */
export interface AddOrderDelivery {
  readonly deliveryKey?: string | null;
  readonly items?: readonly DeliveryItemDraftType[] | null;
  readonly parcels?: readonly ParcelDataDraftType[] | null;
  readonly custom?: CustomFieldsDraft | null;
}

/** Input of commercetools' GraphQL API. */
export interface AddOrderParcelToDelivery {
  readonly deliveryId?: string | null;
  readonly deliveryKey?: string | null;
  readonly parcelKey?: string | null;
  readonly measurements?: ParcelMeasurementsDraftType | null;
  readonly trackingData?: TrackingDataDraftType | null;
  readonly items?: readonly DeliveryItemDraftType[] | null;
  readonly custom?: CustomFieldsDraft | null;
}

/** Input of commercetools' GraphQL API. */
export interface ChangeOrderPaymentState {
  readonly paymentState: 'BalanceDue' | 'CreditOwed' | 'Failed' | 'Paid' | 'Pending';
}

/** Input of commercetools' GraphQL API. */
export interface ChangeOrderShipmentState {
  readonly shipmentState:
    'Backorder' | 'Canceled' | 'Delayed' | 'Delivered' | 'Partial' | 'Pending' | 'Ready' | 'Shipped';
}

/** Input of commercetools' GraphQL API. */
export interface ChangeOrderState {
  readonly orderState: 'Cancelled' | 'Complete' | 'Confirmed' | 'Open';
}

/** Input of commercetools' GraphQL API. */
export interface CustomFieldInput {
  readonly name: string;
  readonly value: string;
}

/** Input of commercetools' GraphQL API. */
export interface CustomFieldsDraft {
  readonly typeId?: string | null;
  readonly typeKey?: string | null;
  readonly type?: ResourceIdentifierInput | null;
  readonly fields?: readonly CustomFieldInput[] | null;
}

/** Input of commercetools' GraphQL API. */
export interface DeliveryItemDraftType {
  readonly id: string;
  readonly quantity: number;
}

/** Input of commercetools' GraphQL API. */
export interface ParcelDataDraftType {
  readonly key?: string | null;
  readonly measurements?: ParcelMeasurementsDraftType | null;
  readonly trackingData?: TrackingDataDraftType | null;
  readonly items?: readonly DeliveryItemDraftType[] | null;
  readonly custom?: CustomFieldsDraft | null;
}

/** Input of commercetools' GraphQL API. */
export interface ParcelMeasurementsDraftType {
  readonly heightInMillimeter?: number | null;
  readonly lengthInMillimeter?: number | null;
  readonly widthInMillimeter?: number | null;
  readonly weightInGram?: number | null;
}

/** Input of commercetools' GraphQL API. */
export interface ResourceIdentifierInput {
  readonly typeId?: string | null;
  readonly id?: string | null;
  readonly key?: string | null;
}

/** Input of commercetools' GraphQL API. */
export interface SetOrderCustomField {
  readonly name: string;
  readonly value?: string | null;
}

/** Input of commercetools' GraphQL API. */
export interface SetOrderCustomType {
  readonly fields?: readonly CustomFieldInput[] | null;
  readonly type?: ResourceIdentifierInput | null;
  readonly typeKey?: string | null;
  readonly typeId?: string | null;
}

/** Input of commercetools' GraphQL API. */
export interface SetOrderDeliveryCustomField {
  readonly deliveryId?: string | null;
  readonly deliveryKey?: string | null;
  readonly name: string;
  readonly value?: string | null;
}

/** Input of commercetools' GraphQL API. */
export interface SetOrderDeliveryCustomType {
  readonly deliveryId?: string | null;
  readonly deliveryKey?: string | null;
  readonly fields?: readonly CustomFieldInput[] | null;
  readonly type?: ResourceIdentifierInput | null;
  readonly typeKey?: string | null;
  readonly typeId?: string | null;
}

/** Input of commercetools' GraphQL API. */
export interface SetOrderDeliveryItems {
  readonly deliveryId?: string | null;
  readonly deliveryKey?: string | null;
  readonly items: readonly DeliveryItemDraftType[];
}

/** Input of commercetools' GraphQL API. */
export interface SetOrderLineItemCustomField {
  readonly lineItemId?: string | null;
  readonly lineItemKey?: string | null;
  readonly name: string;
  readonly value?: string | null;
}

/** Input of commercetools' GraphQL API. */
export interface SetOrderLineItemCustomType {
  readonly lineItemId?: string | null;
  readonly lineItemKey?: string | null;
  readonly fields?: readonly CustomFieldInput[] | null;
  readonly type?: ResourceIdentifierInput | null;
  readonly typeKey?: string | null;
  readonly typeId?: string | null;
}

/** Input of commercetools' GraphQL API. */
export interface SetOrderParcelCustomField {
  readonly name: string;
  readonly value?: string | null;
  readonly parcelId?: string | null;
  readonly parcelKey?: string | null;
}

/** Input of commercetools' GraphQL API. */
export interface SetOrderParcelCustomType {
  readonly parcelId?: string | null;
  readonly parcelKey?: string | null;
  readonly fields?: readonly CustomFieldInput[] | null;
  readonly type?: ResourceIdentifierInput | null;
  readonly typeKey?: string | null;
  readonly typeId?: string | null;
}

/** Input of commercetools' GraphQL API. */
export interface SetOrderParcelItems {
  readonly parcelId?: string | null;
  readonly parcelKey?: string | null;
  readonly items: readonly DeliveryItemDraftType[];
}

/** Input of commercetools' GraphQL API. */
export interface SetOrderParcelMeasurements {
  readonly parcelId?: string | null;
  readonly parcelKey?: string | null;
  readonly measurements?: ParcelMeasurementsDraftType | null;
}

/** Input of commercetools' GraphQL API. */
export interface SetOrderParcelTrackingData {
  readonly parcelId?: string | null;
  readonly parcelKey?: string | null;
  readonly trackingData?: TrackingDataDraftType | null;
}

/** Input of commercetools' GraphQL API. */
export interface SetOrderStore {
  readonly store?: ResourceIdentifierInput | null;
}

/** Input of commercetools' GraphQL API. */
export interface TrackingDataDraftType {
  readonly trackingId?: string | null;
  readonly carrier?: string | null;
  readonly provider?: string | null;
  readonly providerTransaction?: string | null;
  readonly isReturn?: boolean | null;
}
