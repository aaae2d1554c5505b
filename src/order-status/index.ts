export * from './mapping-gaps.js';
export * from './order-status-hook.js';
export * from './order-status-sync.js';
export * from './order-status.handler.js';
export * from './order-status.module.js';
export * from './synced-updates.js';
