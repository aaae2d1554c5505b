import { expect, it } from 'vitest';
import { keyOf, trackingActions, type DeliveryNode } from '../src/tracking.js';

const tracking = { TrackingNumber: 'T 1', ShippingPartner: 'DHL', TrackingURL: 'https://example.org/T1' };
const key = keyOf('delivery', 'FULFILMENT:1');
const parcel = {
  key: keyOf('parcel', 'FULFILMENT:1', 'T 1'),
  trackingData: { trackingId: 'T 1', carrier: 'DHL' },
  custom: { customFieldsRaw: [{ name: 'trackingUrl', value: 'https://example.org/T1' }] },
};

it.each<[string, DeliveryNode[], string[]]>([
  ['the first parcel of a shipment', [], ['addDelivery']],
  ['another shipment', [{ key: 'somebody-else', parcels: [parcel] }], ['addDelivery']],
  ['a second parcel', [{ key, parcels: [{ ...parcel, key: 'another' }] }], ['addParcelToDelivery']],
  ['a parcel that is there', [{ key, parcels: [parcel] }], []],
  [
    'a parcel of another carrier',
    [{ key, parcels: [{ ...parcel, trackingData: { trackingId: 'T 1', carrier: 'UPS' } }] }],
    ['setParcelTrackingData'],
  ],
  [
    'a parcel without tracking data',
    [{ key, parcels: [{ ...parcel, trackingData: null }] }],
    ['setParcelTrackingData'],
  ],
  [
    'a parcel with another address',
    [{ key, parcels: [{ ...parcel, custom: { customFieldsRaw: [] } }] }],
    ['setParcelCustomField'],
  ],
])('%s', (_, deliveries, expected) => {
  expect(trackingActions(deliveries, 'FULFILMENT:1', tracking).flatMap(Object.keys)).toEqual(expected);
});

it('leaves alone what the notification does not tell', () => {
  expect(trackingActions([{ key, parcels: [parcel] }], 'FULFILMENT:1', { TrackingNumber: 'T 1' })).toEqual(
    [],
  );
});

it('makes keys that commercetools accepts and that do not meet', () => {
  for (const identity of [['T 1'], ['T-1'], ['ü'.repeat(500)], ['a', 'b'], ['a,b']]) {
    expect(keyOf('parcel', ...identity)).toMatch(/^[\w-]{2,256}$/);
  }
  expect(new Set([keyOf('parcel', 'T 1'), keyOf('parcel', 'T-1'), keyOf('parcel', 'T', '1')]).size).toBe(3);
});
