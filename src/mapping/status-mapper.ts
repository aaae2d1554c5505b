import type { OrderStates } from '../commercetools/index.js';
import type { RetailerScope } from '../config/index.js';
import type { FluentOrder } from '../fluent/index.js';

/**
 * Decides which commercetools states an order should have.
 *
 * Replace it when statuses come from somewhere else than Fluent settings, or depend on more than the
 * order's status. The default is {@link SettingsStatusMapper}.
 *
 * @example
 * ConnectorModule.register({ overrides: [{ provide: StatusMapper, useClass: MyMapper }] })
 */
export abstract class StatusMapper {
  /**
   * @returns the states to set; a missing one is left as it is.
   * @throws ConfigurationError when a mapping exists but cannot be used, or does not exist at all.
   */
  abstract map(order: FluentOrder, scope: RetailerScope): Promise<OrderStates>;
}
