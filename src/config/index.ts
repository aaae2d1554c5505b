export * from './config.module.js';
export * from './connector-config.js';
export { loadConnectorConfig } from './load-connector-config.js';
export * from './load-fluent-config.js';
export { parseRedisUrl, type RedisCredentials, type RedisNode, type RedisTarget } from './redis-target.js';
export { ConfigurationProblems, describeViolation, violationsIn } from './problems.js';
export type { Environment } from './variables.js';
export * from './management-paths.js';
