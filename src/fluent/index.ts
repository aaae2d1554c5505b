export * from './apollo-fluent-client.js';
export { ORDER_BY_ID as FLUENT_ORDER_QUERY } from './documents.js';
export * from './fluent-client.js';
export * from './fluent-endpoints.js';
export * from './fluent.module.js';
