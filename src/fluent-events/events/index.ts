export * from './confirm-parcels.js';
export * from './fulfilment-pack.js';
export * from './order-appeasement.js';
export * from './order-cancel.js';
export * from './order-revision.js';
export * from './wave-dispatch-initiated.js';
export * from './wave-pack.js';
