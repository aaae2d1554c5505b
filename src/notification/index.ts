export * from './commercetools-message.js';
export * from './notification.js';
