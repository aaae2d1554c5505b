export * from './body-memory-limit.js';
export * from './client-error.js';
export * from './field-violation.js';
export * from './http.module.js';
export * from './json-body.js';
export * from './problem.js';
export * from './rejection-reporter.js';
