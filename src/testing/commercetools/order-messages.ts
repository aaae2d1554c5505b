import { isDeepStrictEqual } from 'node:util';
import type { CustomFieldsRecord, DeliveryRecord, OrderContent } from './order-record.js';

/** The part of a message that depends on its type. */
export type MessagePayload = Readonly<Record<string, unknown>> & { readonly type: string };

/** @returns the messages about what one update changed, in the order in which commercetools numbers them. */
export function messagesAbout(orderId: string, before: OrderContent, after: OrderContent): MessagePayload[] {
  return [
    ...stateMessages(orderId, before, after),
    ...storeMessages(before, after),
    ...customFieldMessages(before.custom, after.custom),
    ...deliveryMessages(before.shippingInfo?.deliveries ?? [], after.shippingInfo?.deliveries ?? []),
  ];
}

function stateMessages(orderId: string, before: OrderContent, after: OrderContent): MessagePayload[] {
  const { orderState, paymentState, shipmentState } = after;
  const messages: MessagePayload[] = [];
  if (orderState !== before.orderState) {
    messages.push({ type: 'OrderStateChanged', orderId, orderState, oldOrderState: before.orderState });
  }
  if (paymentState !== before.paymentState) {
    messages.push({ type: 'OrderPaymentStateChanged', paymentState, oldPaymentState: before.paymentState });
  }
  if (shipmentState !== before.shipmentState) {
    const oldShipmentState = before.shipmentState;
    messages.push({ type: 'OrderShipmentStateChanged', shipmentState, oldShipmentState });
  }
  return messages;
}

function storeMessages(before: OrderContent, { store }: OrderContent): MessagePayload[] {
  if (store === before.store) return [];
  return [{ type: 'OrderStoreSet', store: store === null ? null : { typeId: 'store', key: store } }];
}

function customFieldMessages(
  before: CustomFieldsRecord | null,
  after: CustomFieldsRecord | null,
): MessagePayload[] {
  const previousTypeId = before?.type;
  if (!after) return before ? [{ type: 'OrderCustomTypeRemoved', previousTypeId }] : [];
  if (!before || before.type !== after.type) {
    const customFields = { type: { typeId: 'type', id: after.type }, fields: after.fields };
    return [{ type: 'OrderCustomTypeSet', customFields, previousTypeId }];
  }
  const removed = Object.keys(before.fields).filter((name) => !(name in after.fields));
  const written = Object.entries(after.fields).flatMap(([name, value]): MessagePayload[] => {
    if (!(name in before.fields)) return [{ type: 'OrderCustomFieldAdded', name, value }];
    const previousValue = before.fields[name];
    if (isDeepStrictEqual(previousValue, value)) return [];
    return [{ type: 'OrderCustomFieldChanged', name, value, previousValue }];
  });
  return [...written, ...removed.map((name) => ({ type: 'OrderCustomFieldRemoved', name }))];
}

function deliveryMessages(
  before: readonly DeliveryRecord[],
  after: readonly DeliveryRecord[],
): MessagePayload[] {
  return after.flatMap((delivery): MessagePayload[] => {
    const known = before.find(({ id }) => id === delivery.id);
    if (!known) return [{ type: 'DeliveryAdded', delivery }];
    const deliveryId = delivery.id;
    const items = isDeepStrictEqual(known.items, delivery.items)
      ? []
      : [{ type: 'DeliveryItemsUpdated', deliveryId, items: delivery.items, oldItems: known.items }];
    const parcels = delivery.parcels.flatMap((parcel): MessagePayload[] => {
      const old = known.parcels.find(({ id }) => id === parcel.id);
      if (!old) return [{ type: 'ParcelAddedToDelivery', delivery, parcel }];
      const { id: parcelId, trackingData } = parcel;
      if (isDeepStrictEqual(old.trackingData, trackingData)) return [];
      return [{ type: 'ParcelTrackingDataUpdated', deliveryId, parcelId, trackingData }];
    });
    return [...items, ...parcels];
  });
}
