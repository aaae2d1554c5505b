export * from './fluent-client.js';
