import { hash } from 'node:crypto';
import { IsOptional, IsString, IsUrl, Length } from 'class-validator';
import type { OrderUpdateAction } from 'fluent-commercetools-connector';

/** What Fluent's webhook carries about a parcel. */
export class TrackingAttributes {
  @IsString() @Length(1, 100) TrackingNumber!: string;
  @IsOptional() @IsString() @Length(1, 100) ShippingPartner?: string;
  /** Shown to customers, so nothing but a web address. */
  @IsOptional()
  @IsUrl({ protocols: ['https', 'http'], require_protocol: true })
  @Length(1, 2000)
  TrackingURL?: string;
}

/** What the handler reads of a parcel in commercetools. */
export interface ParcelNode {
  readonly key: string | null;
  readonly trackingData: { readonly trackingId: string | null; readonly carrier: string | null } | null;
  readonly custom: {
    readonly customFieldsRaw: readonly { readonly name: string; readonly value: unknown }[] | null;
  } | null;
}

export interface DeliveryNode {
  readonly key: string | null;
  readonly parcels: readonly ParcelNode[];
}

/** The custom type of parcels; create it once in the project. */
export const PARCEL_TYPE = 'fluent-parcel';
/** A String field of this type for the address, because commercetools has none. */
export const URL_FIELD = 'trackingUrl';

/**
 * Keys depend only on the identity of the parcel, never on chance or time. A repeated run therefore finds the existing
 * entries. Refs and numbers are free text, and commercetools allows letters, digits, `_` and `-` in keys.
 */
export function keyOf(kind: 'delivery' | 'parcel', ...identity: readonly string[]): string {
  return `${kind}-${hash('sha256', JSON.stringify(identity), 'hex').slice(0, 32)}`;
}

/**
 * Pure: what to do so that commercetools has the parcel.
 *
 * @param shipment what is delivered together: a fulfilment of the order.
 * @returns nothing when it has.
 */
export function trackingActions(
  deliveries: readonly DeliveryNode[],
  shipment: string,
  { TrackingNumber: trackingId, ShippingPartner: carrier, TrackingURL: url }: TrackingAttributes,
): OrderUpdateAction[] {
  const deliveryKey = keyOf('delivery', shipment);
  const parcelKey = keyOf('parcel', shipment, trackingId);
  const trackingData = { trackingId, ...(carrier !== undefined && { carrier }) };
  const fields = url === undefined ? [] : [{ name: URL_FIELD, value: JSON.stringify(url) }];
  const custom = { type: { typeId: 'type', key: PARCEL_TYPE }, fields };

  const delivery = deliveries.find(({ key }) => key === deliveryKey);
  if (!delivery) {
    return [{ addDelivery: { deliveryKey, parcels: [{ key: parcelKey, trackingData, custom }] } }];
  }
  const parcel = delivery.parcels.find(({ key }) => key === parcelKey);
  if (!parcel) return [{ addParcelToDelivery: { deliveryKey, parcelKey, trackingData, custom } }];

  const actions: OrderUpdateAction[] = [];
  const known = parcel.trackingData;
  if (known?.trackingId !== trackingId || (carrier !== undefined && known.carrier !== carrier)) {
    actions.push({ setParcelTrackingData: { parcelKey, trackingData } });
  }
  const knownUrl = parcel.custom?.customFieldsRaw?.find(({ name }) => name === URL_FIELD)?.value;
  if (url !== undefined && knownUrl !== url) {
    actions.push({ setParcelCustomField: { parcelKey, name: URL_FIELD, value: JSON.stringify(url) } });
  }
  return actions;
}
