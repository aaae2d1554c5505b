export * from './notification.js';
export * from './reconciliation-notification.js';
