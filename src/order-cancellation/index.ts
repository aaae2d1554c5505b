export * from './order-cancellation.handler.js';
export * from './order-cancellation.module.js';
