export * from './settings-source.js';
