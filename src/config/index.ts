export * from './connector-config.js';
