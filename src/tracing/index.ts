export * from './span.js';
export * from './start-tracing.js';
export type { Tracing } from './tracing-options.js';
