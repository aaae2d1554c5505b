export * from './span.js';
export * from './start-tracing.js';
export * from './trace-carrier.js';
