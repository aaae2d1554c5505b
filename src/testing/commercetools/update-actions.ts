import { randomUUID } from 'node:crypto';
import { CommercetoolsApiError } from './commercetools-api-error.js';
import type {
  CustomFieldsRecord,
  DeliveryItemRecord,
  DeliveryRecord,
  OrderContent,
  ParcelRecord,
  ShippingInfoRecord,
  TrackingDataRecord,
} from './order-record.js';

interface CustomFieldInput {
  name: string;
  value: string;
}

interface CustomTypeInput {
  type?: { id?: string | null; key?: string | null } | null;
  typeKey?: string | null;
  typeId?: string | null;
  fields?: readonly CustomFieldInput[] | null;
}

interface ParcelInput {
  key?: string | null;
  trackingData?: TrackingDataRecord | null;
  items: readonly DeliveryItemRecord[];
  custom?: CustomTypeInput | null;
}

interface Payloads {
  changeOrderState: { orderState: string };
  changePaymentState: { paymentState: string };
  changeShipmentState: { shipmentState: string };
  setCustomField: { name: string; value?: string | null };
  setCustomType: CustomTypeInput;
  addDelivery: {
    deliveryKey?: string | null;
    items: readonly DeliveryItemRecord[];
    parcels: readonly ParcelInput[];
    custom?: CustomTypeInput | null;
  };
  addParcelToDelivery: Omit<ParcelInput, 'key'> & {
    deliveryId?: string | null;
    deliveryKey?: string | null;
    parcelKey?: string | null;
  };
  setParcelTrackingData: {
    parcelId?: string | null;
    parcelKey?: string | null;
    trackingData?: TrackingDataRecord | null;
  };
  setParcelCustomField: {
    parcelId?: string | null;
    parcelKey?: string | null;
    name: string;
    value?: string | null;
  };
}

type Apply<Payload> = (order: OrderContent, payload: Payload, time: string) => OrderContent;

const ACTIONS: { readonly [Name in keyof Payloads]: Apply<Payloads[Name]> } = {
  changeOrderState: (order, { orderState }) => ({ ...order, orderState }),
  changePaymentState: (order, { paymentState }) => ({ ...order, paymentState }),
  changeShipmentState: (order, { shipmentState }) => ({ ...order, shipmentState }),
  setCustomType: (order, payload) => ({ ...order, custom: customFields(payload) }),
  setCustomField: (order, field) => ({ ...order, custom: withField(order.custom, field, 'the order') }),
  addDelivery: (order, { deliveryKey = null, items, parcels, custom }, time) => {
    const shippingInfo = shippingInfoOf(order);
    if (deliveryKey !== null && shippingInfo.deliveries.some(({ key }) => key === deliveryKey)) {
      throw duplicate('deliveryKey', deliveryKey);
    }
    const delivery: DeliveryRecord = {
      id: randomUUID(),
      key: deliveryKey,
      createdAt: time,
      items,
      parcels: parcels.map((parcel) => newParcel(parcel, time)),
      custom: custom ? customFields(custom) : null,
    };
    return withDeliveries(order, shippingInfo, [...shippingInfo.deliveries, delivery]);
  },
  addParcelToDelivery: (order, { deliveryId, deliveryKey, parcelKey, ...parcel }, time) => {
    const shippingInfo = shippingInfoOf(order);
    const isMeant = identifiedBy(deliveryId, deliveryKey);
    if (!shippingInfo.deliveries.some(isMeant)) throw invalidOperation('there is no such delivery');
    const taken = shippingInfo.deliveries
      .flatMap(({ parcels }) => parcels)
      .some(({ key }) => key === parcelKey);
    if (parcelKey != null && taken) throw duplicate('parcelKey', parcelKey);
    const added = newParcel({ ...parcel, key: parcelKey }, time);
    const deliveries = shippingInfo.deliveries.map((delivery) =>
      isMeant(delivery) ? { ...delivery, parcels: [...delivery.parcels, added] } : delivery,
    );
    return withDeliveries(order, shippingInfo, deliveries);
  },
  setParcelTrackingData: (order, { parcelId, parcelKey, trackingData = null }) =>
    withParcel(order, parcelId, parcelKey, (parcel) => ({ ...parcel, trackingData })),
  setParcelCustomField: (order, { parcelId, parcelKey, ...field }) =>
    withParcel(order, parcelId, parcelKey, (parcel) => ({
      ...parcel,
      custom: withField(parcel.custom, field, 'the parcel'),
    })),
};

/**
 * Applies update actions in their order; all or none.
 *
 * @throws CommercetoolsApiError when one of them cannot be applied.
 */
export function applyActions(
  order: OrderContent,
  actions: readonly Readonly<Record<string, unknown>>[],
  time: string,
): OrderContent {
  return actions.reduce<OrderContent>((changed, action) => {
    const [name, ...others] = Object.keys(action).filter((key) => action[key] != null);
    if (name === undefined || others.length > 0) {
      throw new CommercetoolsApiError('InvalidInput', 'an update action must have exactly one key');
    }
    // The schema has checked that the name is one of ours and that the payload has its type.
    const apply = ACTIONS[name as keyof Payloads] as Apply<unknown>;
    return apply(changed, action[name], time);
  }, order);
}

function customFields({ type, typeKey, typeId, fields }: CustomTypeInput): CustomFieldsRecord | null {
  const name = type?.key ?? type?.id ?? typeKey ?? typeId;
  if (name == null) return null;
  const entries = (fields ?? []).map((field) => [field.name, parseJsonText(field.name, field.value)]);
  return { type: name, fields: Object.fromEntries(entries) as Record<string, unknown> };
}

function withField(
  custom: CustomFieldsRecord | null,
  { name, value }: { name: string; value?: string | null },
  owner: string,
): CustomFieldsRecord {
  if (!custom) throw invalidOperation(`${owner} has no custom type, so a custom field cannot be set`);
  const fields = { ...custom.fields };
  if (value == null) delete fields[name];
  else fields[name] = parseJsonText(name, value);
  return { ...custom, fields };
}

function parseJsonText(name: string, text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw new CommercetoolsApiError('InvalidInput', `the value of the custom field '${name}' is not JSON`);
  }
}

function newParcel(
  { key = null, trackingData = null, items, custom }: ParcelInput,
  time: string,
): ParcelRecord {
  return {
    id: randomUUID(),
    key,
    createdAt: time,
    trackingData,
    items,
    custom: custom ? customFields(custom) : null,
  };
}

function shippingInfoOf({ shippingInfo }: OrderContent): ShippingInfoRecord {
  if (!shippingInfo) throw invalidOperation('the order has no shipping info, so it cannot have deliveries');
  return shippingInfo;
}

function withParcel(
  order: OrderContent,
  id: string | null | undefined,
  key: string | null | undefined,
  change: (parcel: ParcelRecord) => ParcelRecord,
): OrderContent {
  const shippingInfo = shippingInfoOf(order);
  const isMeant = identifiedBy(id, key);
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

function identifiedBy(
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
