export * from './apollo-fluent-client.js';
export * from './fluent-client.js';
export * from './fluent-endpoints.js';
export * from './fluent.module.js';
