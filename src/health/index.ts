export { HealthChecks } from './health-checks.js';
export * from './health.module.js';
export * from './readiness.js';
