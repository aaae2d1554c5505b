export { type BatchEntity, type InventoryEntity, MAX_BATCH_ENTITIES } from './batch-entity.js';
export * from './file-load-state.js';
export * from './fluent-batches.js';
export * from './fluent-batches.module.js';
export type { BatchError, BatchStatus, JobStatus } from './job-api.js';
export * from './load-state.js';
export type { BackoffOptions } from './backoff.js';
