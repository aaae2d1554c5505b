export * from './handlers.module.js';
export * from './handler-registry.js';
export * from './handler-runner.js';
export * from './notification-handler.js';
