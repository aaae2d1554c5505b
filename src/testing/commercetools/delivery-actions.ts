import { randomUUID } from 'node:crypto';
import type { ActionTable } from './action-table.js';
import { CommercetoolsApiError } from './commercetools-api-error.js';
import { type CustomTypeInput, type FieldInput, customFields, withField } from './custom-fields.js';
import type {
  DeliveryItemRecord,
  DeliveryRecord,
  OrderContent,
  ParcelMeasurementsRecord,
  ParcelRecord,
  ShippingInfoRecord,
  TrackingDataRecord,
} from './order-record.js';
import type { ProjectState } from './project-state.js';

interface ParcelInput {
  key?: string | null;
  measurements?: ParcelMeasurementsRecord | null;
  trackingData?: TrackingDataRecord | null;
  items: readonly DeliveryItemRecord[];
  custom?: CustomTypeInput | null;
}

interface DeliveryName {
  deliveryId?: string | null;
  deliveryKey?: string | null;
}

interface ParcelName {
  parcelId?: string | null;
  parcelKey?: string | null;
}

interface DeliveryPayloads {
  addDelivery: {
    deliveryKey?: string | null;
    items: readonly DeliveryItemRecord[];
    parcels: readonly ParcelInput[];
    custom?: CustomTypeInput | null;
  };
  setDeliveryItems: DeliveryName & { items: readonly DeliveryItemRecord[] };
  setDeliveryCustomType: DeliveryName & CustomTypeInput;
  setDeliveryCustomField: DeliveryName & FieldInput;
  addParcelToDelivery: Omit<ParcelInput, 'key'> & DeliveryName & { parcelKey?: string | null };
  setParcelItems: ParcelName & { items: readonly DeliveryItemRecord[] };
  setParcelMeasurements: ParcelName & { measurements?: ParcelMeasurementsRecord | null };
  setParcelTrackingData: ParcelName & { trackingData?: TrackingDataRecord | null };
  setParcelCustomType: ParcelName & CustomTypeInput;
  setParcelCustomField: ParcelName & FieldInput;
}

/** The update actions about deliveries and parcels. */
export const DELIVERY_ACTIONS: ActionTable<DeliveryPayloads> = {
  addDelivery: (order, { deliveryKey = null, items, parcels, custom }, { time, project }) => {
    const shippingInfo = shippingInfoOf(order);
    if (deliveryKey !== null && shippingInfo.deliveries.some(({ key }) => key === deliveryKey)) {
      throw duplicate('deliveryKey', deliveryKey);
    }
    const delivery: DeliveryRecord = {
      id: randomUUID(),
      key: deliveryKey,
      createdAt: time,
      items,
      parcels: parcels.map((parcel) => newParcel(parcel, time, project)),
      custom: custom ? customFields(custom, project) : null,
    };
    return withDeliveries(order, shippingInfo, [...shippingInfo.deliveries, delivery]);
  },
  setDeliveryItems: (order, { items, ...name }) =>
    withDelivery(order, name, (delivery) => ({ ...delivery, items })),
  setDeliveryCustomType: (order, { deliveryId, deliveryKey, ...type }, { project }) =>
    withDelivery(order, { deliveryId, deliveryKey }, (delivery) => ({
      ...delivery,
      custom: customFields(type, project),
    })),
  setDeliveryCustomField: (order, { deliveryId, deliveryKey, ...field }, { project }) =>
    withDelivery(order, { deliveryId, deliveryKey }, (delivery) => ({
      ...delivery,
      custom: withField(delivery.custom, field, 'the delivery', project),
    })),
  addParcelToDelivery: (order, { deliveryId, deliveryKey, parcelKey, ...parcel }, { time, project }) => {
    const taken = shippingInfoOf(order)
      .deliveries.flatMap(({ parcels }) => parcels)
      .some(({ key }) => key === parcelKey);
    if (parcelKey != null && taken) throw duplicate('parcelKey', parcelKey);
    const added = newParcel({ ...parcel, key: parcelKey }, time, project);
    return withDelivery(order, { deliveryId, deliveryKey }, (delivery) => ({
      ...delivery,
      parcels: [...delivery.parcels, added],
    }));
  },
  setParcelItems: (order, { items, ...name }) => withParcel(order, name, (parcel) => ({ ...parcel, items })),
  setParcelMeasurements: (order, { measurements = null, ...name }) =>
    withParcel(order, name, (parcel) => ({ ...parcel, measurements })),
  setParcelTrackingData: (order, { trackingData = null, ...name }) =>
    withParcel(order, name, (parcel) => ({ ...parcel, trackingData })),
  setParcelCustomType: (order, { parcelId, parcelKey, ...type }, { project }) =>
    withParcel(order, { parcelId, parcelKey }, (parcel) => ({
      ...parcel,
      custom: customFields(type, project),
    })),
  setParcelCustomField: (order, { parcelId, parcelKey, ...field }, { project }) =>
    withParcel(order, { parcelId, parcelKey }, (parcel) => ({
      ...parcel,
      custom: withField(parcel.custom, field, 'the parcel', project),
    })),
};

function newParcel(
  { key = null, measurements = null, trackingData = null, items, custom }: ParcelInput,
  time: string,
  project: ProjectState,
): ParcelRecord {
  return {
    id: randomUUID(),
    key,
    createdAt: time,
    measurements,
    trackingData,
    items,
    custom: custom ? customFields(custom, project) : null,
  };
}

function shippingInfoOf({ shippingInfo }: OrderContent): ShippingInfoRecord {
  if (!shippingInfo) throw invalidOperation('the order has no shipping info, so it cannot have deliveries');
  return shippingInfo;
}

function withDelivery(
  order: OrderContent,
  { deliveryId, deliveryKey }: DeliveryName,
  change: (delivery: DeliveryRecord) => DeliveryRecord,
): OrderContent {
  const shippingInfo = shippingInfoOf(order);
  const isMeant = identifiedBy(deliveryId, deliveryKey);
  if (!shippingInfo.deliveries.some(isMeant)) throw invalidOperation('there is no such delivery');
  const deliveries = shippingInfo.deliveries.map((each) => (isMeant(each) ? change(each) : each));
  return withDeliveries(order, shippingInfo, deliveries);
}

function withParcel(
  order: OrderContent,
  { parcelId, parcelKey }: ParcelName,
  change: (parcel: ParcelRecord) => ParcelRecord,
): OrderContent {
  const shippingInfo = shippingInfoOf(order);
  const isMeant = identifiedBy(parcelId, parcelKey);
  if (!shippingInfo.deliveries.some(({ parcels }) => parcels.some(isMeant))) {
    throw invalidOperation('there is no such parcel');
  }
  const deliveries = shippingInfo.deliveries.map((delivery) => ({
    ...delivery,
    parcels: delivery.parcels.map((parcel) => (isMeant(parcel) ? change(parcel) : parcel)),
  }));
  return withDeliveries(order, shippingInfo, deliveries);
}

function withDeliveries(
  order: OrderContent,
  shippingInfo: ShippingInfoRecord,
  deliveries: readonly DeliveryRecord[],
): OrderContent {
  return { ...order, shippingInfo: { ...shippingInfo, deliveries } };
}

/**
 * @returns whether a resource has that id, or else that key.
 * @throws CommercetoolsApiError unless exactly one is given.
 */
export function identifiedBy(
  id: string | null | undefined,
  key: string | null | undefined,
): (candidate: { readonly id: string; readonly key: string | null }) => boolean {
  if ((id == null) === (key == null)) {
    throw new CommercetoolsApiError('InvalidInput', 'exactly one of id and key must be given');
  }
  return (candidate) => (id == null ? candidate.key === key : candidate.id === id);
}

function invalidOperation(message: string): CommercetoolsApiError {
  return new CommercetoolsApiError('InvalidOperation', message);
}

function duplicate(field: string, duplicateValue: string): CommercetoolsApiError {
  const message = `the value '${duplicateValue}' of '${field}' is in use`;
  return new CommercetoolsApiError('DuplicateField', message, { field, duplicateValue });
}
