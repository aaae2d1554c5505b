export * from './commercetools-client.js';
export * from './conflict-error.js';
export * from './order-lookup.js';
export * from './order-update.js';
export * from './order.js';
