import type { OrderStates } from '../commercetools/index.js';
import type { RetailerScope } from '../config/index.js';
import type { FluentOrder } from '../fluent/index.js';

/** What a {@link StatusMapper} maps. */
export interface MappingOverview {
  /** What a person corrects to change it, e.g. the names of settings. */
  readonly sources: readonly string[];
  /** Every status that it has an entry for, with the states that the status gives. */
  readonly statuses: ReadonlyMap<string, OrderStates>;
}

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

  /**
   * Tells which statuses it maps. It is optional: without it the connector reads the status history of an
   * order whenever {@link StatusMapper.map} leaves a state out, because it cannot tell whether an earlier
   * status would have set that state.
   *
   * @throws ConfigurationError when a mapping exists but cannot be used, or does not exist at all.
   */
  overview?(scope: RetailerScope): Promise<MappingOverview>;
}
