export * from './mapping.module.js';
export * from './settings-status-mapper.js';
export * from './status-mapper.js';
export { inspectMapping, settingNames } from './mapping-setting.js';
