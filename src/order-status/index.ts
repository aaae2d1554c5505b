export * from './mapping-gaps.js';
export * from './order-status-hook.js';
export { OrderStatusHooks, type HookFailures } from './order-status-hooks.js';
export * from './order-status-sync.js';
export * from './order-status.handler.js';
export * from './order-status.module.js';
export * from './synced-updates.js';
export { STATE_FIELDS, type StateField } from './states-by-history.js';
export type * from './state-reasons.js';
