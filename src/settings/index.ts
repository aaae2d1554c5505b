export * from './file-settings-source.js';
export * from './fluent-settings-source.js';
export * from './settings-source.js';
export * from './settings.module.js';
export { readSettingsFile } from './read-settings-file.js';
