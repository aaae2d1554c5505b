export * from './config.module.js';
export * from './connector-config.js';
export * from './load-connector-config.js';
export * from './problems.js';
