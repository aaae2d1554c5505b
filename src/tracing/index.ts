export * from './span.js';
export * from './start-tracing.js';
export * from './trace-carrier.js';
export type { Tracing } from './tracing-options.js';
