export * from './commercetools-message.js';
export * from './notification.js';
export * from './reconciliation-notification.js';
