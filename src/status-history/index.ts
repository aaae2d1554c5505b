export * from './audit-log-status-history.js';
export * from './status-history.js';
export * from './status-history.module.js';
