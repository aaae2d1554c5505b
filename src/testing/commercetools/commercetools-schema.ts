import { GraphQLError, GraphQLScalarType, Kind, buildSchema } from 'graphql';
import { LINE_ITEM_SDL } from './line-item-schema.js';
import { PROJECT_SDL } from './project-schema.js';

const ORDER_SDL = /* GraphQL */ `
  scalar DateTime
  scalar Json
  scalar Long
  scalar Currency

  type Query {
    order(id: String, orderNumber: String): Order
    orders(where: String, limit: Int, offset: Int): OrderQueryResult!
  }

  type Mutation {
    updateOrder(version: Long!, actions: [OrderUpdateAction!]!, id: String, orderNumber: String): Order
  }

  interface Versioned {
    id: String!
    version: Long!
    createdAt: DateTime!
    lastModifiedAt: DateTime!
  }

  interface ReferenceExpandable {
    id: String!
  }

  interface BaseMoney {
    type: String!
    currencyCode: Currency!
    centAmount: Long!
    fractionDigits: Int!
  }

  type Money implements BaseMoney {
    type: String!
    currencyCode: Currency!
    centAmount: Long!
    fractionDigits: Int!
  }

  type Order implements Versioned & ReferenceExpandable {
    id: String!
    version: Long!
    createdAt: DateTime!
    lastModifiedAt: DateTime!
    orderNumber: String
    customerEmail: String
    orderState: OrderState!
    paymentState: PaymentState
    shipmentState: ShipmentState
    totalPrice: Money!
    shippingInfo: ShippingInfo
    custom: CustomFieldsType
    lastModifiedBy: Initiator
  }

  type Initiator {
    isPlatformClient: Boolean
    clientId: String
  }

  enum OrderState {
    Cancelled
    Complete
    Confirmed
    Open
  }

  enum PaymentState {
    BalanceDue
    CreditOwed
    Failed
    Paid
    Pending
  }

  enum ShipmentState {
    Backorder
    Canceled
    Delayed
    Delivered
    Partial
    Pending
    Ready
    Shipped
  }

  type OrderQueryResult {
    offset: Int!
    count: Int!
    total: Long!
    exists: Boolean!
    results: [Order!]!
  }

  type ShippingInfo {
    shippingMethodName: String!
    price: Money!
    deliveries: [Delivery!]!
  }

  type Delivery {
    id: String!
    key: String
    createdAt: DateTime!
    items: [DeliveryItem!]!
    parcels: [Parcel!]!
    custom: CustomFieldsType
  }

  type DeliveryItem {
    id: String!
    quantity: Long!
  }

  type Parcel {
    id: String!
    key: String
    createdAt: DateTime!
    measurements: ParcelMeasurements
    trackingData: TrackingData
    items: [DeliveryItem!]!
    custom: CustomFieldsType
  }

  type ParcelMeasurements {
    heightInMillimeter: Int
    lengthInMillimeter: Int
    widthInMillimeter: Int
    weightInGram: Int
  }

  type TrackingData {
    trackingId: String
    carrier: String
    provider: String
    providerTransaction: String
    isReturn: Boolean!
  }

  type CustomFieldsType {
    typeRef: Reference!
    customFieldsRaw(includeNames: [String!], excludeNames: [String!]): [RawCustomField!]
  }

  type Reference {
    typeId: String!
    id: String!
  }

  type RawCustomField {
    name: String!
    value: Json!
  }

  input OrderUpdateAction {
    changeOrderState: ChangeOrderState
    changePaymentState: ChangeOrderPaymentState
    changeShipmentState: ChangeOrderShipmentState
    setCustomField: SetOrderCustomField
    setCustomType: SetOrderCustomType
    addDelivery: AddOrderDelivery
    addParcelToDelivery: AddOrderParcelToDelivery
    setDeliveryItems: SetOrderDeliveryItems
    setDeliveryCustomField: SetOrderDeliveryCustomField
    setDeliveryCustomType: SetOrderDeliveryCustomType
    setParcelItems: SetOrderParcelItems
    setParcelMeasurements: SetOrderParcelMeasurements
    setParcelTrackingData: SetOrderParcelTrackingData
    setParcelCustomField: SetOrderParcelCustomField
    setParcelCustomType: SetOrderParcelCustomType
  }

  input ChangeOrderState {
    orderState: OrderState!
  }

  input ChangeOrderPaymentState {
    paymentState: PaymentState!
  }

  input ChangeOrderShipmentState {
    shipmentState: ShipmentState!
  }

  input SetOrderCustomField {
    name: String!
    value: String
  }

  input SetOrderCustomType {
    fields: [CustomFieldInput!]
    type: ResourceIdentifierInput
    typeKey: String
    typeId: String
  }

  input ResourceIdentifierInput {
    typeId: String
    id: String
    key: String
  }

  input CustomFieldInput {
    name: String!
    value: String!
  }

  input CustomFieldsDraft {
    typeId: String
    typeKey: String
    type: ResourceIdentifierInput
    fields: [CustomFieldInput!]
  }

  input AddOrderDelivery {
    deliveryKey: String
    items: [DeliveryItemDraftType!] = []
    parcels: [ParcelDataDraftType!] = []
    custom: CustomFieldsDraft
  }

  input DeliveryItemDraftType {
    id: String!
    quantity: Long!
  }

  input ParcelDataDraftType {
    key: String
    measurements: ParcelMeasurementsDraftType
    trackingData: TrackingDataDraftType
    items: [DeliveryItemDraftType!] = []
    custom: CustomFieldsDraft
  }

  input ParcelMeasurementsDraftType {
    heightInMillimeter: Int
    lengthInMillimeter: Int
    widthInMillimeter: Int
    weightInGram: Int
  }

  input TrackingDataDraftType {
    trackingId: String
    carrier: String
    provider: String
    providerTransaction: String
    isReturn: Boolean = false
  }

  input AddOrderParcelToDelivery {
    deliveryId: String
    deliveryKey: String
    parcelKey: String
    measurements: ParcelMeasurementsDraftType
    trackingData: TrackingDataDraftType
    items: [DeliveryItemDraftType!] = []
    custom: CustomFieldsDraft
  }

  input SetOrderParcelCustomField {
    name: String!
    value: String
    parcelId: String
    parcelKey: String
  }

  input SetOrderDeliveryItems {
    deliveryId: String
    deliveryKey: String
    items: [DeliveryItemDraftType!]!
  }

  input SetOrderDeliveryCustomField {
    deliveryId: String
    deliveryKey: String
    name: String!
    value: String
  }

  input SetOrderDeliveryCustomType {
    deliveryId: String
    deliveryKey: String
    fields: [CustomFieldInput!]
    type: ResourceIdentifierInput
    typeKey: String
    typeId: String
  }

  input SetOrderParcelItems {
    parcelId: String
    parcelKey: String
    items: [DeliveryItemDraftType!]!
  }

  input SetOrderParcelMeasurements {
    parcelId: String
    parcelKey: String
    measurements: ParcelMeasurementsDraftType
  }

  input SetOrderParcelCustomType {
    parcelId: String
    parcelKey: String
    fields: [CustomFieldInput!]
    type: ResourceIdentifierInput
    typeKey: String
    typeId: String
  }

  input SetOrderParcelTrackingData {
    parcelId: String
    parcelKey: String
    trackingData: TrackingDataDraftType
  }
`;

/**
 * The part of the commercetools GraphQL API that the emulator answers. Only arguments that are implemented
 * are declared, so that none is ignored in silence.
 */
export const COMMERCETOOLS_SDL = [ORDER_SDL, LINE_ITEM_SDL, PROJECT_SDL].join('\n');

/** The schema with the scalars' checks. */
export const commercetoolsSchema = buildSchema(COMMERCETOOLS_SDL);

const long = commercetoolsSchema.getType('Long');
if (long instanceof GraphQLScalarType) {
  long.parseValue = (value) => {
    if (!Number.isSafeInteger(value)) throw new GraphQLError('Long must be a whole number');
    return value;
  };
  long.parseLiteral = (node) => long.parseValue(node.kind === Kind.INT ? Number(node.value) : undefined);
}
