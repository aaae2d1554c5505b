export * from './status-mapper.js';
