export * from './config.module.js';
export * from './connector-config.js';
export * from './load-connector-config.js';
export { ConfigurationProblems } from './problems.js';
export type { Environment } from './variables.js';
