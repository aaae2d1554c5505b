import { AsyncLocalStorage } from 'node:async_hooks';
import type { ConnectorConfig } from './connector-config.js';

/** Changes a checked configuration. */
export type ConfigChange = (config: ConnectorConfig) => ConnectorConfig;

const change = new AsyncLocalStorage<ConfigChange>();

/**
 * Runs `start`. The configurations that modules load meanwhile are changed after they were checked. The command line
 * uses it to start the connector's services without its worker, wherever their environment comes from.
 */
export function withConfigChange<T>(apply: ConfigChange, start: () => T): T {
  return change.run(apply, start);
}

/** @returns the configuration as {@link withConfigChange} changes it. */
export function changedConfig(config: ConnectorConfig): ConnectorConfig {
  return change.getStore()?.(config) ?? config;
}
