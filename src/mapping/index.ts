export * from './mapping.module.js';
export * from './settings-status-mapper.js';
export * from './status-mapper.js';
export { DEFAULT_MAPPING_SETTINGS, inspectMapping, settingNames } from './mapping-setting.js';
